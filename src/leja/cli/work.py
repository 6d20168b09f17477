"""``leja work``: a worker."""

from __future__ import annotations

from leja.cli.speaking import AsJson, answer, aside, command, opened


@command
def run(as_json: AsJson = False) -> None:
    """Take in, record and deliver until stopped. Any number of workers share the work, on one machine or many."""
    with opened() as house:
        if as_json:
            answer({"working": True, "holder": house.holder})
        else:
            aside().print(f"working as {house.holder}")
        house.work()
