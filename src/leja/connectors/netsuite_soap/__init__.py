"""NetSuite over SOAP: so far its stand-in alone."""
