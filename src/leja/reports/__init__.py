"""Figures that drill down, and their renderings."""
