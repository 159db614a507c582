"""The engine for PostgreSQL, directly or through a pooler."""
