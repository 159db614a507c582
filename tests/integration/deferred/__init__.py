"""Deferred model calls, on every kind of model and session."""
