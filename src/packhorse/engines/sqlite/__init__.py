"""The engine for SQLite: one file beside the application, nothing to start."""
