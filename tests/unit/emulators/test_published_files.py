"""`python -m emulators publish` with a file without a CloudEvent: one sentence, and the exit status of wrong usage."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulators.__main__ import main

NOT_EVENTS = {
    b"": "is empty",
    b" \n": "is empty",
    b"{": "is no JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
    b"\xff\xfe": "is no JSON",
    b"[" * 100_000: "is no JSON",
    b"[]": "is no CloudEvent: that is one JSON object",
    b'{"specversion": "1.0", "id": 7, "source": "me"}': (
        "is no CloudEvent: it lacks id, type, subject, or not as texts"
    ),
}


@pytest.mark.parametrize("content", NOT_EVENTS, ids=range(len(NOT_EVENTS)))
def test_it_is_refused_with_a_sentence(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "command.json"
    file.write_bytes(content)
    assert main(["publish", "order-commands", str(file)]) == 2
    assert capsys.readouterr().err == f"not published: {file} {NOT_EVENTS[content]}\n"


def test_one_that_is_not_there_is_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["publish", "order-commands", str(tmp_path / "none.json")]) == 2
    assert capsys.readouterr().err.endswith("cannot be read: No such file or directory\n")
