"""Packhorse and its peers side by side: the same workloads, in one run, on servers that the suite starts itself."""
