"""Doors for vendors and programs: webhooks, JSON API, health, metrics."""
