"""Which tax applies. Dated data."""
