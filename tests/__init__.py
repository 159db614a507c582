"""Packhorse's tests."""
