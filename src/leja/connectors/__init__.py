"""What each vendor's words mean: one folder per platform; presence is registration."""
