-- Which file a connection reaches; asked on a caller's own.
select file from pragma_database_list where name = 'main'
