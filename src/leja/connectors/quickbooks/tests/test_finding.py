"""What may be relied upon when an outcome is unclear."""

from __future__ import annotations

from leja.connectors import quickbooks
from leja.connectors.quickbooks.finding import ANCHORS


def test_no_unclear_outcome_is_settled_by_a_key_that_a_whole_batch_shares() -> None:
    assert quickbooks.CONNECTOR.limits.batch > 1
    assert {kind for kind, anchor in ANCHORS.items() if anchor.key_remembered} == set()
