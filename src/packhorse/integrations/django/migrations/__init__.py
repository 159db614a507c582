"""Django's migrations of Packhorse: one for each of its own, of the same number and name."""
