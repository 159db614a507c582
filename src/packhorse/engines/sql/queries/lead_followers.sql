-- Lets one at a time settle who follows: what one puts to rest another might just have been told to look at again. Whoever
-- finds it taken leaves it to them.
select id from {installation} {skip_locked}
