"""A business that uses every connector at once, while processes die and vendors misbehave: nothing is lost or doubled.

``LEJA_BUSINESS_RUNS`` says how many seeded runs (ten; ``make test`` has two, ``make soak`` all), ``LEJA_BUSINESS_FIRST`` at
which seed they begin. What failed is kept in ``LEJA_CRASH_KEEP``.
"""

from __future__ import annotations

import os

import pytest

from tests.crash.business import Business
from tests.crash.conftest import Ground

pytestmark = pytest.mark.slow
FIRST = int(os.environ.get("LEJA_BUSINESS_FIRST", "0"))
SEEDS = range(FIRST, FIRST + int(os.environ.get("LEJA_BUSINESS_RUNS", "2")))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_business_of_all_systems_loses_and_doubles_nothing(
    seed: int, ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ground.run(seed, name=f"business_{seed}", plays=Business)
    told = run.run()
    ground.judged(run, told, told.sentence(), capsys)
