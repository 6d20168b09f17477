"""What double entry allows: accounts, entries, periods, reversal, the hash chain. Pure."""
