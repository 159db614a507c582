"""Deferred model calls: any method of a business object, run later, as the same user."""
