"""What happened, in the trade's words, one kind per file."""
