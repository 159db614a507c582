-- Whether this is the installation :installation.
select 1 from {installation} where id = CAST(:installation AS text)
