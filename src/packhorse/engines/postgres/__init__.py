"""The engine for PostgreSQL, directly or through a pooler."""

from importlib.util import find_spec

from packhorse.errors import ConfigurationError

if find_spec("psycopg") is None:
    raise ConfigurationError("PostgreSQL needs a driver: pip install 'packhorse[postgres]'")
