"""The least that this connector can do. It cannot list what exists there, so it is no source of sales that can be proved."""

from __future__ import annotations

CAPABILITIES = {"nudges", "handshake", "subscribe", "poll", "fetch", "read_file", "detect", "decode"}
