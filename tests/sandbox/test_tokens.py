"""The OAuth piece: codes work once, tokens expire, refresh tokens rotate with the grace that a vendor gives."""

from __future__ import annotations

import pytest

from leja_sandbox.kit import Environment, SimulatedClock, TokenBook, TokenRefused, environment


@pytest.fixture
def env(simulated: SimulatedClock) -> Environment:
    return environment(clock=simulated)


def _refused(reason: str):
    return pytest.raises(TokenRefused, match=reason)


def test_a_code_works_once_for_its_own_client(env):
    book = TokenBook(env)
    code = book.code("app", "https://back", "read")
    with _refused("wrong_client"):
        book.exchange(code, "other")
    with _refused("wrong_redirect"):
        book.exchange(code, "app", "https://elsewhere")
    grant = book.exchange(code, "app", "https://back")
    assert book.check(grant.access).scope == "read"
    with _refused("unknown"):
        book.exchange(code, "app")


def test_an_access_token_expires_and_a_refresh_gives_another(env, simulated):
    book = TokenBook(env, access_seconds=3600)
    first = book.issue("app")
    simulated.advance(3601)
    with _refused("expired"):
        book.check(first.access)
    second = book.refresh(first.refresh)
    assert book.check(second.access).id == first.id
    with _refused("used"):
        book.check(first.access)


def test_a_rotated_refresh_token_is_refused_without_grace(env, simulated):
    book = TokenBook(env)
    first = book.issue("app")
    book.refresh(first.refresh)
    simulated.advance(1)
    with _refused("used"):
        book.refresh(first.refresh)


def test_grace_keeps_the_last_refresh_token_until_the_new_one_was_used(env, simulated):
    book = TokenBook(env, grace_until_used=True)
    first = book.issue("app").refresh
    second = book.refresh(first).refresh
    simulated.advance(86400)
    third = book.refresh(first).refresh
    assert third not in (first, second)
    book.refresh(third)
    with _refused("used"):
        book.refresh(first)


def test_grace_in_seconds_ends(env, simulated):
    book = TokenBook(env, grace_seconds=60)
    first = book.issue("app").refresh
    book.refresh(first)
    simulated.advance(30)
    book.refresh(first)
    simulated.advance(61)
    with _refused("used"):
        book.refresh(first)


def test_revoked_is_refused_everywhere(env):
    book = TokenBook(env)
    grant = book.issue("app")
    book.revoke()
    with _refused("revoked"):
        book.check(grant.access)
    with _refused("revoked"):
        book.refresh(grant.refresh)


def test_tokens_survive_a_restart(tmp_path, simulated):
    first = environment(clock=simulated, path=tmp_path / "x.sqlite")
    grant = TokenBook(first).issue("app")
    first.store.close()
    assert TokenBook(environment(clock=simulated, path=tmp_path / "x.sqlite")).check(grant.access).id == grant.id
