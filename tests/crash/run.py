"""One seeded run: a company trades while its processes are killed at named places; then everything must be right."""

from __future__ import annotations

import math
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from random import Random

import msgspec
import psycopg

from leja.core.errors import Transient
from leja.database.embedded import EmbeddedPostgres
from leja.database.watch import Watch
from tests.crash.company import Company
from tests.crash.nursery import Child, Nursery
from tests.crash.proof import prove, standing

SOURCE = Path(__file__).resolve().parents[2] / "src" / "leja"
NIGHT = 26 * 3600.0
NIGHTS = 2
WAIT_SECONDS = 12.0
FIRST_SKIP_SECONDS, SKIP_SECONDS = 1.5, 0.4
SHORT_SKIPS = 6
STILL_SECONDS = 0.04  # what a stand-in was asked before it is answered by then
LOOK_SECONDS = 0.05
SETTLE_SECONDS = 40.0
BACK_SECONDS = 20.0
PATIENT_LOOKS, CALM_LOOKS = 10, 3
KEYS_FORGOTTEN = 400.0  # no vendor remembers a key so long: what is unclear is asked after


def places() -> list[str]:
    """Every named place in the source, so that a new one is never forgotten here."""
    found: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        found.update(re.findall(r'(?<!def )failpoint\("([a-z.-]+)"\)', path.read_text(encoding="utf-8")))
    return sorted(found)


def _children(pid: int) -> Iterator[int]:
    """The processes whose parent it is."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                yield int(stat.parent.name)


class Told(msgspec.Struct, kw_only=True):
    """What a run did. ``hit`` counts the places at which a process was killed; ``wrong`` is empty if all is right."""

    seed: int
    seconds: float = 0.0
    hit: Counter[str] = msgspec.field(default_factory=Counter)
    missed: list[str] = msgspec.field(default_factory=list)
    faults: dict[str, int] = msgspec.field(default_factory=dict)
    others: Counter[str] = msgspec.field(default_factory=Counter)
    wrong: list[str] = msgspec.field(default_factory=list)

    def sentence(self) -> str:
        """The run in one line."""
        verdict = f"WRONG ({len(self.wrong)})" if self.wrong else "right"
        missed = f", missed {', '.join(self.missed)}" if self.missed else ""
        others = "; ".join(f"{name} {count}" for name, count in self.others.items())
        return f"seed {self.seed}: {verdict} in {self.seconds} s, {self.hit.total()} deaths{missed}; {others}"


class CrashRun:
    """Which places a run takes follows from its seed: ten runs in a row take each at least once."""

    def __init__(
        self, seed: int, home: Path, cluster: EmbeddedPostgres, watch: Watch, nursery: Nursery, name: str = "",
        only: Sequence[str] = (), plays: type[Company] = Company,
    ) -> None:  # fmt: skip
        self.began = time.monotonic()
        self.told, self.cluster, self.watch = Told(seed=seed), cluster, watch
        self.company = plays(home, cluster, name or f"crash_{seed}", nursery, seed)
        # What is decided once a death and what is drawn as often as time allows: the second must not disturb the first.
        self.random, self.chance = Random(seed), Random(seed)
        self.web: Child | None = None
        self.only = list(only)
        self.restores = seed % 5 == 3 or LOOK_UP in self.only

    def run(self) -> Told:
        """Play it to its end."""
        try:
            self._play()
        finally:
            if self.web is not None:
                self.web.kill()
            self.company.close()
        self.told.seconds = round(time.monotonic() - self.began, 1)
        return self.told

    def _play(self) -> None:
        company = self.company
        company.trade(4)
        company.faults()
        self.web = company.start_web()
        names = [name for name in self.only if name != LOOK_UP] or chosen(self.told.seed)
        half = len(names) // 2
        for number, name in enumerate(names):
            if number == 2 and self.restores:
                self._backed_up()
            if number == len(names) - 1 and self.restores:
                self._restored()
                self._die_at(LOOK_UP)
            self._die_at(name)
            if number == half:
                self._other_deaths()
        for name in self.told.missed[:2]:
            self._die_at(name)
        self.settle()
        self.told.others["paid on another day"] += company.paid_on_another_day
        self._say("proving")
        self.told.wrong = prove(company)
        for _ in range(2):
            # What is only late gets the time that a slow machine took from it; what is lost or doubled stays so.
            if not self.told.wrong or not all(LATE.search(words) for words in self.told.wrong):
                break
            self.settle()
            self.told.wrong = prove(company)
        self._say("proved")

    def _say(self, words: str) -> None:
        """A line in the run's log, among those of its processes."""
        with self.company.log.open("a") as log:
            log.write(f"--- {time.monotonic() - self.began:6.1f} {words}\n")

    # --- deaths ---

    def _die_at(self, name: str) -> None:
        """Trade, and let a process run until it dies at that place; what it does not reach in time is not counted."""
        company, room = self.company, name.partition(".")[0]
        self.random.seed(f"{self.told.seed}/{name}")
        self._prepare(name)
        self._say(f"to die at {name}")
        nth = self.random.choice((1, 1, 2, 3)) if name in OFTEN else 1
        at_door = name in AT_THE_DOOR
        if at_door:
            self._web_again(f"{name}:kill:{nth}")
            company.trade(2, manner="normal")
            company.refused_request()
        else:
            company.trade(2)
        if "fetch" in name:
            company.take_back()
        work = company.start_work("" if at_door else f"{name}:kill:{nth}", ERRANDS.get(name, ()))
        dying = self.web if at_door else work
        assert dying is not None
        nudges = {"counts": company.refused_request, "fetch": company.take_back}
        self._await(dying, nudge=next((act for word, act in nudges.items() if word in name), None))
        if dying.exit() == -9:
            self.told.hit[name] += 1
        else:
            self.told.missed.append(name)
            if dying.exit() is None and not at_door:
                os.kill(dying.pid, signal.SIGUSR1)  # it says in the log what it waits for
                time.sleep(0.1)
        self._say(f"{name}: {dying.exit()}")
        work.kill()
        if at_door:
            self._web_again("")
        self._jump(31)
        if room in ("grants", "http", "delivery"):
            self._consent()

    def _prepare(self, name: str) -> None:
        """Bring about what must be so before that place is passed at all."""
        if name in FINDING:
            self._die_at(
                self.random.choice(("delivery.before-send", "delivery.after-send", "delivery.before-record-commit"))
            )
            self._jump(KEYS_FORGOTTEN)
        elif name.startswith("grants."):
            self._jump(2 * 3600)
        elif name.startswith(("reconcile.", "closing.before-anchor")):
            self._jump(NIGHT)
        elif name.startswith("intake.") and "file" in name:
            self.company.till(6)

    def _consent(self) -> None:
        given = self.company.patiently(self.company.consent)
        if given:
            self.told.others["consent"] += given

    def _await(self, dying: Child, nudge: Callable[[], None] | None = None) -> None:
        """Until it died; what only waits for its time is helped by the clock, not by waiting."""
        begun = time.monotonic()
        skip, skips = begun + FIRST_SKIP_SECONDS, 0
        while dying.exit() is None and time.monotonic() < begun + WAIT_SECONDS:
            time.sleep(0.02)
            if self.chance.random() < 0.05:
                self._consent()
            if nudge is not None and self.chance.random() < 0.05:
                nudge()
            if time.monotonic() > skip and self._nothing_in_flight():
                skips += 1
                # What was put off to the small hours, for a log-in was lost perhaps, does not come by small steps.
                self._jump(NIGHT if skips == SHORT_SKIPS else 40)
                skip = time.monotonic() + SKIP_SECONDS

    def _nothing_in_flight(self) -> bool:
        """Whether no call may be under way that the clock must not leave behind."""
        try:
            with self.company.reading() as conn:
                row = conn.execute(
                    "SELECT 1 FROM attempt a WHERE a.org_id = %s AND a.deadline > %s AND NOT EXISTS (SELECT 1 FROM outcome o"
                    " WHERE o.org_id = a.org_id AND o.attempt_id = a.attempt_id) LIMIT 1",
                    (self.company.org.org_id, self.company.clock()),
                ).fetchone()
        except (Transient, psycopg.Error):
            return False
        return row is None

    def _web_again(self, failpoints: str) -> None:
        if self.web is not None:
            self.web.kill()
        self.web = self.company.start_web(failpoints)

    def _jump(self, seconds: float) -> None:
        """Let time pass while no worker lives and nothing is under way at the vendors."""
        time.sleep(STILL_SECONDS)
        self.company.clock.jump(seconds)  # type: ignore[attr-defined]
        time.sleep(0.02)

    def _other_deaths(self) -> None:
        """The database and the vendors' side die, too."""
        self._say("other deaths")
        if self.told.seed % 3 != 2:
            work = self.company.start_work()
            self.company.trade(3)
            time.sleep(self.random.uniform(0.2, 0.6))
            self._kill_database(power_cut=self.told.seed % 2 == 1)
            self.company.trade(1)
            time.sleep(0.3)
            work.kill()
            self.told.others["database"] += 1
            self._web_again("")
        if self.told.seed % 3 == 2:
            work = self.company.start_work()
            time.sleep(self.random.uniform(0.3, 0.8))
            self.company.play.kill()
            time.sleep(0.1)
            self.company.play = self.company.start_sandbox()
            self.company.faults()
            work.kill()
            self.told.others["vendors"] += 1
        self._jump(31)

    def _kill_database(self, *, power_cut: bool) -> None:
        """SIGKILL to the server, or to all its processes at once; whoever watches it brings it back, nobody here does."""
        before = self.watch.restarts
        pid = int((self.cluster.cluster / "postmaster.pid").read_text().split()[0])
        for one in (pid, *(_children(pid) if power_cut else ())):
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        deadline = time.monotonic() + BACK_SECONDS
        while self.watch.restarts == before:
            assert time.monotonic() < deadline, "the database was not brought back"
            time.sleep(0.02)

    def _backed_up(self) -> None:
        assert self.web is not None
        self.web.kill()
        self.company.back_up()
        self._web_again("")

    def _restored(self) -> None:
        """What was told since the backup stands over there, and nobody here knows. The tokens are old, too."""
        assert self.web is not None
        self.company.trade(2, manner="normal")
        work = self.company.start_work()
        if self.told.seed % 2:
            self._quiet(work, self.company.clock())
            work.kill()
            self._jump(31)
        else:
            # In the middle of its calls, and at once: whoever goes on must wait for them without seeing any.
            time.sleep(self.random.uniform(0.4, 0.8))
            work.kill()
        self.web.kill()
        self.company.restore()
        self.told.others["consent"] += self.company.consent(everywhere=True)
        self._web_again("")
        self.told.others["restore"] += 1

    # --- the end ---

    def settle(self) -> None:
        """Without failpoints, until nothing is due any more: the night proves and reads back, the next tells the rest."""
        company = self.company
        for name, count in company.faults_end().items():
            self.told.faults[name] = self.told.faults.get(name, 0) + count
        self._jump(31)
        company.days_end()
        work = company.start_work()
        company.hasten()
        self._quiet(work, company.clock())
        for night in range(1, NIGHTS + 1):
            self._say(f"night {night}")
            self._jump(NIGHT)
            company.try_again()
            self._quiet(work, company.clock())
            if night > 1 or not standing(company):
                break
        company.answered()
        work.stop()
        self._jump(31)

    def _quiet(self, work: Child, since: datetime) -> None:
        """Until every step that time makes due has ended since then and nothing waits; or until time is over: the proof tells."""
        company, deadline, calm = self.company, time.monotonic() + SETTLE_SECONDS, 0
        before: set[str] = set()
        same = 0
        while time.monotonic() < deadline and calm < CALM_LOOKS:
            time.sleep(LOOK_SECONDS)
            assert work.exit() is None, f"the worker ended by itself: {work.exit()}"
            try:
                self._consent()
                due = self._due(since)
            except (Transient, psycopg.Error):
                continue
            calm = 0 if due else calm + 1
            same = same + 1 if due == before else 0
            before = due
            if due and same >= PATIENT_LOOKS:
                if company.answered():
                    continue
                if self._parked():
                    self._say(f"what is left is parked, and nobody mends it: the proof will name it: {sorted(due)}")
                    return
                self._say(f"waiting for time: {sorted(due)}")
                self._jump(60)
                same = 0

    def _due(self, since: datetime) -> set[str]:
        """What is still to be done. Polls must have begun after ``since``; what failed is tried again."""
        company = self.company
        with company.reading() as conn:
            steps = conn.execute(
                "SELECT step FROM work WHERE org_id = %(org)s AND (not_before <= %(now)s OR because <> '' OR ended_at IS NULL OR ended_at < begun_at)"
                " AND step <> 'poll' UNION SELECT 'poll' WHERE NOT EXISTS (SELECT 1 FROM work WHERE org_id = %(org)s"
                " AND step = 'poll' AND begun_at > %(since)s AND ended_at >= begun_at AND because = '')",
                {"org": company.org.org_id, "now": company.clock(), "since": since},
            ).fetchall()
        due = {str(step) for (step,) in steps if step not in ("record", "fetch", "deliver")}
        return due | {name for name in standing(company) if name != "outbox"} | ({"outbox"} if self._outbox_due() else set())

    def _parked(self) -> bool:
        """Whether something waits for people, and nothing for time."""
        with self.company.reading() as conn:
            row = conn.execute(
                "SELECT count(*) FILTER (WHERE state = 'parked'), count(*) FILTER (WHERE state = 'open') FROM deliverable"
            ).fetchone()
        return row is not None and row[0] > 0 and row[1] == 0

    def _outbox_due(self) -> bool:
        with self.company.reading() as conn:
            row = conn.execute(
                "SELECT 1 FROM outbox WHERE org_id = %s AND due_at <= %s LIMIT 1",
                (self.company.org.org_id, self.company.clock()),
            ).fetchone()
        return row is not None


AT_THE_DOOR = {"intake.before-door-commit", "intake.after-door-commit", "intake.before-counts-commit"}
FINDING = {"delivery.after-find", "delivery.before-find-commit", "delivery.after-find-commit"}
OFTEN = {
    "http.before-send",
    "http.after-answer",
    "worker.begun",
    "worker.ran",
    "bookkeeping.before-commit",
    "delivery.after-send",
    "delivery.before-send",
    "delivery.before-record-commit",
    "delivery.after-record",
    "delivery.after-freeze",
}
ERRANDS: dict[str, tuple[str, ...]] = {
    "closing.before-period-commit": ("period",),
    **{
        f"intake.{name}": ("backfill",)
        for name in ("after-backfill-call", "before-backfill-commit", "after-backfill-commit")
    },
}
LATE = re.compile(r" are not done$|: 0 entries untold, \d+ waiting")
RUNS = 10
LOOK_UP = "delivery.after-look-up"  # passed only after a restore
SEND_TO_RECORD = ("delivery.after-send", "delivery.before-record-commit")


def chosen(seed: int) -> list[str]:
    """The places of a run. Each comes once in ten runs; the gap between send and record in every run."""
    names = [name for name in places() if name not in (*SEND_TO_RECORD, LOOK_UP)]
    share = math.ceil(len(names) / RUNS)
    mine = [names[(at * RUNS + seed) % len(names)] for at in range(share)]
    return [SEND_TO_RECORD[seed % 2], *mine, SEND_TO_RECORD[(seed + 1) % 2]]
