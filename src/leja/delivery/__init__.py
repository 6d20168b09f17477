"""Tells each accounting system, once."""
