"""Freezes a period on proof: lock, reopen, anchors, verification."""
