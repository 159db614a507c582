"""The database backends of jobs; each implements the contract in `packhorse.engine`."""
