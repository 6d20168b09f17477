"""Which exchange rate, for which purpose. Dated data."""
