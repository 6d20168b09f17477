"""Values that cannot be wrong: money, quantity, currency, time, ids, errors."""
