"""Account roles, mapping versions, posting modes, recognition policies. Pure."""
