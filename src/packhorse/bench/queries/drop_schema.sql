-- Remove a benchmark's schema with everything in it; nobody else uses it, so its locks are in nobody's way.
DROP SCHEMA IF EXISTS {schema} CASCADE
