"""API keys: a mistyped key is refused without a read, and only the stored hash gives access."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.identity.api_keys import ApiKey
from shared.identity.errors import InvalidApiKey

KEY = ApiKey.generate()


def test_a_new_key_reads_back_and_verifies() -> None:
    found = ApiKey.parse(KEY.text)
    assert found == KEY
    found.verify(KEY.hash)
    assert KEY.id.startswith("key_")
    assert len(KEY.hash) == 32


def test_keys_differ() -> None:
    keys = [ApiKey.generate() for _ in range(200)]
    assert len({key.text for key in keys}) == len({key.id for key in keys}) == 200


@given(place=st.integers(0, len(KEY.text) - 1), to=st.characters(codec="utf-8"))
def test_a_mistyped_character_is_noticed_without_reading_a_row(place: int, to: str) -> None:
    text = KEY.text[:place] + to + KEY.text[place + 1 :]
    if text == KEY.text:
        return
    with pytest.raises(InvalidApiKey):
        ApiKey.parse(text)


@pytest.mark.parametrize("text", ["", "wbk_", KEY.text + "x", KEY.text[1:], KEY.text + "\n", "x" * 100_000])
def test_another_form_is_refused(text: str) -> None:
    with pytest.raises(InvalidApiKey):
        ApiKey.parse(text)


def test_another_hash_and_a_missing_row_are_refused_alike() -> None:
    for stored in (None, ApiKey.generate().hash, bytes(32), b"", KEY.hash[:-1]):
        with pytest.raises(InvalidApiKey) as caught:
            KEY.verify(stored)
        assert (caught.value.code, caught.value.status) == ("API_KEY_INVALID", 401)


def test_what_may_be_shown_is_not_enough_to_use_the_key() -> None:
    assert KEY.text not in repr(KEY)
    assert KEY.hint.rstrip("…") == KEY.text[:12]
