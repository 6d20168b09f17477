"""Which journal entry a document means. Pure."""
