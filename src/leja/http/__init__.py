"""How we call strangers politely: client, retry, pacing, addresses, OAuth, signatures, redaction."""
