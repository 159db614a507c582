"""Frameworks that Packhorse fits into; each module is imported only where its framework is in use."""
