"""The least that this connector can do; there is no vendor to stand in for, so no more is to be said."""

from __future__ import annotations

CAPABILITIES = {"read_file", "detect", "decode"}
