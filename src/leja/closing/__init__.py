"""Freezes a period on the proof that everything agrees: lock, reopen, anchors, verification."""
