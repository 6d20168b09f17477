"""The schema, step by step: SQL files in order, each run by the Alembic revision of the same number."""
