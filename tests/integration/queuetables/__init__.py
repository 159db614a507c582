"""Queue tables, on a table of stock movements."""
