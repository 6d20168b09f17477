"""Faults that a stand-in plays on purpose: seeded, switchable per path, and each one that was played is counted.

faults = Faults(seed=7)
faults.add("answer_lost", path="POST */invoice*", rate=0.1)         # one in ten, committed, no answer
faults.add("rate_limited", path="GET *", times=3, retry_after=2)    # the next three
faults.played                                                       # Counter({"answer_lost": 12, ...})
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from random import Random
from threading import Lock
from typing import Any, Final, Literal, get_args

import msgspec

FaultKind = Literal[
    "answer_lost",
    "cut_before",
    "rate_limited",
    "error_before",
    "error_after",
    "slow",
    "late_commit",
    "lagging_search",
    "webhook_twice",
    "webhook_stale",
    "webhook_out_of_order",
    "webhook_lost",
    "token_expired",
    "token_revoked",
    "batch_partial",
]
KINDS: Final[tuple[str, ...]] = get_args(FaultKind)


class Fault(msgspec.Struct, kw_only=True):
    """One switchable fault.

    answer_lost           the write is committed, then the connection closes without an answer
    cut_before            the connection closes before anything happens
    rate_limited          429; with ``Retry-After: retry_after`` when that is given
    error_before          ``status`` (503) and nothing happened
    error_after           ``status`` (500) although it is committed
    slow                  ``seconds`` of real time before the answer, after the commit
    late_commit           the connection closes at once, the write happens ``seconds`` later on the stand-in's clock
    lagging_search        what this write made can be found by search only after ``seconds``; by its id at once
    webhook_twice         delivered twice; webhook_stale: the same body again after ``seconds``
    webhook_out_of_order  delivered only after ``seconds``, so later ones overtake it; webhook_lost: never
    token_expired         the access token counts as expired from now on; token_revoked: the whole grant is gone
    batch_partial         this part of a batch fails, the others do not

    ``path`` is a shell pattern over ``"METHOD /path"`` (webhooks: ``"WEBHOOK topic"``). ``rate`` is the chance,
    ``times`` how often at most, ``skip`` how many matching requests pass first.
    """

    kind: FaultKind
    path: str = "*"
    rate: float = 1.0
    times: int | None = None
    skip: int = 0
    seconds: float = 0.0
    status: int = 0
    retry_after: float | None = None


class Faults:
    """The faults of one stand-in, drawn from a seed so that a run can be repeated."""

    def __init__(self, seed: int = 0, faults: Iterable[Fault | Mapping[str, Any]] = ()) -> None:
        self.random = Random(seed)  # noqa: S311
        self.active: list[Fault] = []
        self.played: Counter[str] = Counter()
        self._lock = Lock()
        for fault in faults:
            self.active.append(fault if isinstance(fault, Fault) else msgspec.convert(fault, Fault))

    def add(self, kind: FaultKind, **settings: Any) -> Fault:
        """Switches a fault on and returns it; ``settings`` are the fields of Fault."""
        fault = msgspec.convert({"kind": kind, **settings}, Fault)
        self.active.append(fault)
        return fault

    def clear(self) -> None:
        """Switches every fault off; the counts stay."""
        self.active.clear()

    def draw(self, kind: FaultKind, path: str) -> Fault | None:
        """The fault of that kind to play now for ``path``, if any; it is counted and used up."""
        with self._lock:
            for fault in self.active:
                if fault.kind == kind and fnmatchcase(path, fault.path) and self._falls(fault):
                    self.played[kind] += 1
                    return fault
        return None

    def _falls(self, fault: Fault) -> bool:
        if fault.times == 0:
            return False
        if fault.skip:
            fault.skip -= 1
            return False
        if fault.rate < 1.0 and self.random.random() >= fault.rate:
            return False
        if fault.times is not None:
            fault.times -= 1
        return True
