"""Doors for people: one file per noun."""
