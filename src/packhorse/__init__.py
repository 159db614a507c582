"""Background work that commits with your data, on SQLite and PostgreSQL."""
