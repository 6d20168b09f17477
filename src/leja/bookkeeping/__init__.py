"""Turns what was taken in into documents and journal entries, in one transaction a batch."""
