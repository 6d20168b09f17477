"""Leja: every sale, in the books, exactly once, and provable to the cent."""
