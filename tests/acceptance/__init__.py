"""Whole promises, shown with real processes on real databases."""
