"""Measuring one engine: what `packhorse bench` runs, in a scratch database of its own."""
