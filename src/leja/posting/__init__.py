"""Which entry a document means. Pure."""
