-- The id of this installation.
select id from {installation}
