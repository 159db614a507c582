"""What the type checkers see of the public face."""
