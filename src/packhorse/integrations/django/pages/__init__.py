"""The admin pages: what they all have in common, and what each shows."""
