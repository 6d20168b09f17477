"""Secrets are sealed under a key outside the database, bound to their place, and survive a change of key."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from leja.access.connection_secrets import newest_secrets, put_secret, reseal, secrets_named
from leja.access.grants import load, store
from leja.access.vault import Vault, place
from leja.core.errors import Refused
from leja.database.engine import Database
from leja.http.oauth import Tokens

ORG, CONNECTION = uuid4(), uuid4()
HERE = place("secret", 1, "name")


def test_what_is_sealed_opens_in_its_place_only(tmp_path: Path) -> None:
    vault = Vault.open_file(tmp_path / "keys")
    sealed = vault.seal(b"s3cret", HERE)
    assert b"s3cret" not in sealed
    assert vault.open(sealed, HERE) == b"s3cret"
    with pytest.raises(Refused, match="vault-broken"):
        vault.open(sealed, place("secret", 1, "other"))
    assert place("a", "bc") != place("ab", "c")


def test_any_changed_byte_is_noticed(tmp_path: Path) -> None:
    vault = Vault.open_file(tmp_path / "keys")
    sealed = vault.seal(b"s3cret", HERE)
    for at in range(len(sealed)):
        changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        with pytest.raises(Refused):
            vault.open(changed, HERE)
    for end in range(len(sealed)):
        with pytest.raises(Refused):
            vault.open(sealed[:end], HERE)


def test_the_file_is_for_its_owner_alone_and_a_new_key_still_opens_the_old(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "keys"
    vault = Vault.open_file(path)
    assert path.stat().st_mode & 0o777 == 0o600
    sealed = vault.seal(b"old", HERE)
    newer = Vault.rotate(path)
    assert newer.current != vault.current
    assert newer.open(sealed, HERE) == b"old"
    assert not newer.is_current(sealed)
    path.chmod(0o640)
    with pytest.raises(Refused, match="vault-file-open"):
        Vault.open_file(path)


def test_another_key_file_says_that_the_key_is_missing(tmp_path: Path) -> None:
    sealed = Vault.open_file(tmp_path / "one").seal(b"x", HERE)
    with pytest.raises(Refused, match="vault-key-missing"):
        Vault.open_file(tmp_path / "two").open(sealed, HERE)
    (tmp_path / "bad").write_text("k1 not-a-key\n")
    (tmp_path / "bad").chmod(0o600)
    with pytest.raises(Refused, match="vault-file-broken"):
        Vault.open_file(tmp_path / "bad")


@pytest.fixture
def with_connection(database: Database, clock: Any) -> Database:
    with database.transaction() as conn:
        conn.execute(
            "INSERT INTO org (org_id, name, base_currency, created_at) VALUES (%s, 'o', 'GBP', %s)", (ORG, clock())
        )
        conn.execute(
            "INSERT INTO connection (org_id, connection_id, name, slug, duty, start_date, door, created_at)"
            " VALUES (%s, %s, 'c', 'x', 'accounting', %s, 'd', %s)",
            (ORG, CONNECTION, clock().date(), clock()),
        )
    return database


def test_two_secrets_of_a_name_hold_while_one_is_rotated_out(
    with_connection: Database, tmp_path: Path, clock: Any
) -> None:
    vault = Vault.open_file(tmp_path / "keys")
    with with_connection.transaction() as conn:
        put_secret(conn, ORG, vault, CONNECTION, "webhook", "old", clock())
        clock.forward(days=1)
        put_secret(conn, ORG, vault, CONNECTION, "webhook", "new", clock(), old_retires_at=clock() + timedelta(days=1))
        assert secrets_named(conn, ORG, vault, CONNECTION, "webhook", clock()) == ("new", "old")
        clock.forward(days=2)
        assert secrets_named(conn, ORG, vault, CONNECTION, "webhook", clock()) == ("new",)
        put_secret(conn, ORG, vault, CONNECTION, "webhook", "last", clock())
        assert newest_secrets(conn, ORG, vault, CONNECTION, clock()) == {"webhook": "last"}
        assert secrets_named(conn, ORG, vault, CONNECTION, "webhook", clock()) == ("last",)


def test_resealing_moves_everything_to_the_current_key(with_connection: Database, tmp_path: Path, clock: Any) -> None:
    path = tmp_path / "keys"
    vault = Vault.open_file(path)
    with with_connection.transaction() as conn:
        put_secret(conn, ORG, vault, CONNECTION, "client_secret", "s", clock())
        store(conn, ORG, vault, CONNECTION, Tokens(access="A", refresh="R", obtained_at=clock()))
        newer = Vault.rotate(path)
        assert reseal(conn, ORG, newer) == 2
        assert reseal(conn, ORG, newer) == 0
        only_new = Vault({newer.current: newer._keys[newer.current]}, newer.current)
        assert secrets_named(conn, ORG, only_new, CONNECTION, "client_secret", clock()) == ("s",)
        assert load(conn, ORG, only_new, CONNECTION).tokens.refresh == "R"
