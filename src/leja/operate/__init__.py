"""Checks, rebuilds, health."""
