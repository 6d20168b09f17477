"""The least that this connector can do. It is told and never asks: there is no poll, so the suite of polled sources has no part."""

from __future__ import annotations

CAPABILITIES = {"webhooks", "read_file", "detect", "decode"}
