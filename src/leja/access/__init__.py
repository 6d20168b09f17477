"""Organisations, connections, credentials, tokens, the access log."""
