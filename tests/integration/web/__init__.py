"""Web applications."""
