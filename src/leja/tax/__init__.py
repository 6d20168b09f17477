"""Which tax a price contains: the check of what was charged. Pure."""
