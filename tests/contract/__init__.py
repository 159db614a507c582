"""Every implementation of a contract passes that contract's suite."""
