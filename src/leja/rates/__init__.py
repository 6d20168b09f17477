"""Which exchange rate, for which purpose. Pure."""
