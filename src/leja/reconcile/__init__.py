"""Proves that the outer worlds and the books agree, or says where not."""
