"""Keeps what arrived, once."""
