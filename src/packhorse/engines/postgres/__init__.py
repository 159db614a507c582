"""The engine for PostgreSQL, directly or through a pooler."""

from packhorse.errors import ConfigurationError

try:
    import psycopg as psycopg
except ImportError as error:
    raise ConfigurationError("PostgreSQL needs a driver: pip install 'packhorse[postgres]'") from error
