"""Passwords: the allowed ones, verification of hashes, and equal time for unknown and known users."""

from __future__ import annotations

import hashlib
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import argon2
import pytest
from argon2 import extract_parameters
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.errors import InvalidValue
from shared.identity import passwords
from shared.identity.errors import IdentityBusy
from shared.identity.passwords import Passwords, refuse_weak

CHEAP = Passwords(passes=1, memory_kib=64)


@settings(max_examples=30)
@given(password=st.text(st.characters(codec="utf-8"), max_size=128))
def test_a_hash_verifies_its_password_and_no_other(password: str) -> None:
    stored = CHEAP.hash(password)
    assert stored.startswith("$argon2id$")
    possible = len(unicodedata.normalize("NFKC", password)) <= passwords.MAX_LENGTH
    assert CHEAP.verify(password, stored) == possible
    assert not CHEAP.verify(password + "x", stored)
    assert CHEAP.hash(password) != stored


def test_the_default_cost_is_owasps() -> None:
    cost = extract_parameters(Passwords().hash("correct horse"))
    assert (cost.type.name, cost.time_cost, cost.memory_cost, cost.parallelism) == ("ID", 2, 19_456, 1)


def test_one_password_on_two_keyboards() -> None:
    stored = CHEAP.hash("Zoë's pass\u2168word")
    assert CHEAP.verify("Zoe\u0308's passIXword", stored)


def test_an_unknown_user_is_never_verified() -> None:
    for password in ("nobody's password", "", "x" * 200, "\ud800"):
        assert not CHEAP.verify(password, None)
        assert not CHEAP.verify(password, CHEAP.hash("another"))


def test_a_prefix_of_a_longer_password_does_not_pass() -> None:
    stored = CHEAP.hash("x" * passwords.MAX_LENGTH)
    assert CHEAP.verify("x" * passwords.MAX_LENGTH, stored)
    assert not CHEAP.verify("x" * (passwords.MAX_LENGTH + 1), stored)


def test_unknown_users_and_wrong_passwords_cost_the_work_of_right_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`make bench PART=passphrases` measures seconds; this test counts the work behind them."""
    work: list[argon2.Parameters] = []
    verify = argon2.PasswordHasher.verify

    def counted(self: argon2.PasswordHasher, stored: str, password: str) -> bool:
        work.append(argon2.extract_parameters(stored))
        return verify(self, stored, password)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", counted)
    slow = Passwords(passes=2, memory_kib=4096)
    stored = slow.hash("the right one")
    for password in ("the right one", "the wrong one", "\ud800", "x" * 200):
        for known in (stored, None):
            slow.verify(password, known)
    assert len(work) == 8 and len(set(map(repr, work))) == 1


def test_a_hash_of_another_cost_still_verifies() -> None:
    assert Passwords(passes=2, memory_kib=64).verify("correct horse", CHEAP.hash("correct horse"))


def test_a_burst_is_refused_instead_of_exhausting_memory() -> None:
    one = Passwords(passes=1, memory_kib=64, parallel=1, wait=0.0)
    with one._slots:
        for work in (lambda: one.hash("x"), lambda: one.verify("x", None)):
            with pytest.raises(IdentityBusy) as caught:
                work()
            assert (caught.value.status, caught.value.retry_after) == (503, 1.0)
    patient = Passwords(passes=1, memory_kib=64, parallel=1, wait=10.0)
    with ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(lambda _: patient.verify("x", None), range(32)))


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "ǖñíçødé и ещё",
        "only spaces between",
        "aB3$ aB3$ aB3!",
        "🐎🔋📎🐎🔋📎🌍🌕",
        "x1" * 3 + "qpzm",
        "k" * 7 + "j" * 121,
        "with\x00nul\x7f",
    ],
)
def test_anything_long_enough_may_be_chosen(password: str) -> None:
    refuse_weak(password, ["someone@example.org", "Wallet"])


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("", "8 to 128"),
        ("short 7", "8 to 128"),
        ("x1" * 64 + "y", "8 to 128"),
        ("e\u0301" * 7, "8 to 128"),  # seven characters after NFKC
        ("password", "common"),
        ("PassWord1", "common"),
        ("iloveyou1", "common"),
        ("qwertyuiop", "common"),
        ("ｐａｓｓｗｏｒｄ", "common"),  # full-width
        ("zzzzzzzzzzzzz", "repetition"),
        ("xyxyxyxyxyx", "repetition"),
        ("jklmnopqrs", "run"),
        ("zyxwvutsr", "run"),
        ("someone.else@example.org", "e-mail"),
        ("Someone.Else", "e-mail"),
        ("walletbackend", "service"),
    ],
)
def test_weak_passwords_are_refused(password: str, problem: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        refuse_weak(password, ["someone.else@example.org", "WalletBackend"])
    (detail,) = caught.value.details
    assert detail["field"] == "password"
    assert problem in detail["message"]
    assert len(password) <= 8 or password not in detail["message"]


def test_text_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(InvalidValue):
        refuse_weak("\ud800" * 9)
    with pytest.raises(InvalidValue):
        CHEAP.hash("\ud800" * 9)


def test_the_list_of_common_passwords_is_sorted_and_as_documented() -> None:
    lines = (Path(passwords.__file__).parent / "breached.txt").read_text().split()
    assert lines == sorted(set(lines))
    assert 5_000 < len(lines) < 20_000
    assert hashlib.sha256(b"password").hexdigest()[:10] in lines
    assert not passwords.is_breached("a long and rather unusual phrase")
