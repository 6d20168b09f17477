"""What goods cost. Its layers come with landed cost; standing costs live with the rules."""
