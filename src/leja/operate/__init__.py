"""Alerts, backup and restore, checks and rebuilds."""
