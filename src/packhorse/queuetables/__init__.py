"""Queue tables: tables of the application's own whose rows are the work."""
