"""Refresh tokens: each works once, an older one ends the family, a made-up one changes nothing."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.identity.errors import InvalidRefreshToken, RefreshTokenReused
from shared.identity.refresh_tokens import LIFETIME, RefreshFamily, RefreshToken, opened, revoked, rotated

NOW = datetime(2026, 11, 1, tzinfo=UTC)
FIRST = RefreshToken.generate("ses_1")
FAMILY = opened(FIRST, "usr_1", ("pwd",), NOW)


def _refreshed(family: RefreshFamily, token: RefreshToken) -> tuple[RefreshFamily, RefreshToken]:
    successor = token.successor()
    family, refusal = rotated(family, token, successor, NOW)
    assert refusal is None
    return family, successor


def test_the_text_reads_back() -> None:
    assert RefreshToken.parse(FIRST.text) == FIRST
    assert FIRST.text.startswith("wbr_ses_1.")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "wbr_",
        FIRST.text + "x",
        FIRST.text[:-1],
        " " + FIRST.text,
        FIRST.text + "\n",
        FIRST.text.replace("wbr_", "wbk_"),
        FIRST.text.replace(".", "/"),
        "wbr_" + "x" * 100_000,
    ],
)
def test_malformed_tokens_are_refused(text: str) -> None:
    with pytest.raises(InvalidRefreshToken):
        RefreshToken.parse(text)


def test_only_hashes_are_stored() -> None:
    assert FAMILY.current_hash == hashlib.sha256(FIRST.secret.encode()).digest()
    assert FAMILY.family_hash == hashlib.sha256(FIRST.family_secret.encode()).digest()
    shown = repr(FAMILY) + repr(FIRST)
    for secret in (FIRST.secret, FIRST.family_secret, repr(FAMILY.current_hash), repr(FAMILY.family_hash)):
        assert secret not in shown


def test_a_token_works_once_and_its_successor_next() -> None:
    second_family, second = _refreshed(FAMILY, FIRST)
    assert (second_family.generation, second_family.version) == (2, 2)
    third_family, _ = _refreshed(second_family, second)
    assert third_family.generation == 3
    assert third_family.expires_at == FAMILY.expires_at  # a refresh does not prolong a sign-in
    assert third_family.authenticated_at == NOW


@given(uses=st.integers(1, 6), data=st.data())
def test_any_older_token_ends_the_family(uses: int, data: st.DataObject) -> None:
    family, token, older = FAMILY, FIRST, []
    for _ in range(uses):
        older.append(token)
        family, token = _refreshed(family, token)
    ended, refusal = rotated(family, data.draw(st.sampled_from(older)), token.successor(), NOW)
    assert isinstance(refusal, RefreshTokenReused)
    assert ended.revoked_at == NOW
    assert ended.version == family.version + 1
    with pytest.raises(InvalidRefreshToken) as caught:
        rotated(ended, token, token.successor(), NOW)  # both the thief's and the owner's newest
    assert not isinstance(caught.value, RefreshTokenReused)


def test_a_token_made_up_around_a_known_family_id_changes_nothing() -> None:
    """The family id is in every access token: knowing it must not be enough to sign somebody out."""
    for made_up in (
        RefreshToken.generate("ses_1"),
        replace(RefreshToken.generate("ses_1"), secret=FIRST.secret),
    ):
        with pytest.raises(InvalidRefreshToken) as caught:
            rotated(FAMILY, made_up, made_up.successor(), NOW)
        assert not isinstance(caught.value, RefreshTokenReused)


def test_unknown_expired_and_revoked_families_are_refused() -> None:
    cases = [
        (None, NOW),
        (FAMILY, NOW + LIFETIME),
        (revoked(FAMILY, NOW), NOW),
    ]
    for family, now in cases:
        with pytest.raises(InvalidRefreshToken):
            rotated(family, FIRST, FIRST.successor(), now)
    assert rotated(FAMILY, FIRST, FIRST.successor(), NOW + LIFETIME - timedelta(seconds=1))[1] is None


def test_revoking_twice_changes_nothing() -> None:
    once = revoked(FAMILY, NOW)
    assert revoked(once, NOW + timedelta(hours=1)) == once
