"""BIP-39: every published English vector, and a second implementation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bip_utils import Bip39MnemonicGenerator, Bip39MnemonicValidator, Bip39SeedGenerator
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InvalidValue
from shared.keys import mnemonic

VECTORS = json.loads((Path(__file__).parent / "vectors" / "bip39_english.json").read_text())
ABANDON = "abandon " * 11 + "about"

entropies = st.sampled_from(mnemonic.STRENGTHS).flatmap(
    lambda bits: st.binary(min_size=bits // 8, max_size=bits // 8)
)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["entropy"])
def test_published_vectors(vector: dict[str, str]) -> None:
    """trezor/python-mnemonic, vectors.json, all English ones; their passphrase is TREZOR."""
    words = vector["mnemonic"]
    assert mnemonic.from_entropy(bytes.fromhex(vector["entropy"])) == words
    assert mnemonic.is_valid(words)
    assert mnemonic.to_seed(words, "TREZOR").hex() == vector["seed"]


@given(entropy=entropies, passphrase=st.text(st.characters(codec="utf-8"), max_size=12))
def test_a_second_implementation_agrees(entropy: bytes, passphrase: str) -> None:
    words = mnemonic.from_entropy(entropy)
    assert words == Bip39MnemonicGenerator().FromEntropy(entropy).ToStr()
    assert mnemonic.to_seed(words, passphrase) == Bip39SeedGenerator(words).Generate(passphrase)


@pytest.mark.parametrize(("strength", "count"), [(128, 12), (160, 15), (192, 18), (224, 21), (256, 24)])
def test_new_mnemonics_are_valid_and_differ(strength: int, count: int) -> None:
    words = mnemonic.generate(strength)
    assert len(words.split()) == count
    assert Bip39MnemonicValidator().IsValid(words)
    assert words != mnemonic.generate(strength)


@pytest.mark.parametrize("strength", [0, 96, 127, 129, 264, 512, -128])
def test_another_strength_is_refused(strength: int) -> None:
    with pytest.raises(InvalidValue) as caught:
        mnemonic.generate(strength)
    assert caught.value.details[0]["field"] == "strength"


@pytest.mark.parametrize(
    "typed",
    [
        f"  {ABANDON}  ",
        ABANDON.replace(" ", "   "),
        ABANDON.replace(" ", "\n"),
        ABANDON.replace(" ", "\t\u3000"),
        ABANDON.title(),
        ABANDON.replace("a", "\uff41"),  # full-width letters, NFKD
    ],
)
def test_words_are_read_as_people_type_them(typed: str) -> None:
    assert mnemonic.to_seed(typed) == mnemonic.to_seed(ABANDON)


@given(entropy=entropies, data=st.data())
def test_a_wrong_word_is_found_as_often_as_the_checksum_can(entropy: bytes, data: st.DataObject) -> None:
    """Replacing a word gives a valid mnemonic exactly if the second implementation agrees."""
    words = mnemonic.from_entropy(entropy).split()
    words[data.draw(st.integers(0, len(words) - 1))] = mnemonic.from_entropy(data.draw(entropies)).split()[0]
    assert mnemonic.is_valid(" ".join(words)) == Bip39MnemonicValidator().IsValid(" ".join(words))


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("", "12, 15"),
        ("abandon " * 12, "checksum"),
        ("abandon " * 11, "12, 15"),
        ("abandon " * 13, "12, 15"),
        (ABANDON.replace("about", "zebrra"), "word 12 is not"),
        ("xyzzy " + "abandon " * 11, "word 1 is not"),
    ],
)
def test_what_is_wrong_is_said_without_repeating_a_word(typed: str, problem: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        mnemonic.to_seed(typed)
    (detail,) = caught.value.details
    assert detail["field"] == "mnemonic"
    assert problem in detail["message"]
    assert not {"abandon", "zebrra", "xyzzy"} & set(detail["message"].split())
    assert not mnemonic.is_valid(typed)
