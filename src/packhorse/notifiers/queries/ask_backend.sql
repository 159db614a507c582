-- Which server process answers; also a way to ask whether one still does. Reads no table and takes no lock.
select pg_backend_pid()
