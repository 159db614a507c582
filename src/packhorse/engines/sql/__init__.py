"""What the engines share: statements in files, rows to values, and the methods that run the one with the other."""
