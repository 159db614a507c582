-- A module can be imported on a host again.
delete from {load_failure} where module = CAST(:module AS text) and host = CAST(:host AS text)
