"""`python -m emulators status` and `logs` also see what `make run` has started."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulators import ports
from emulators.__main__ import main
from emulators.background import Running, State


def test_the_product_and_its_services_are_listed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "product").mkdir()
    log = tmp_path / "product" / "gateway.log"
    log.write_text("served\n")
    with ports.reserve() as (port, _):
        node = Running("node", "http://127.0.0.1:1", None, None, None)  # nothing listens on port 1
        State({"PORT": str(port)}, [node]).write(tmp_path / "product")
        assert main(["--dir", str(tmp_path), "status"]) == 1
        product, dead = capfd.readouterr().out.splitlines()
        assert product.split() == ["product", "up", f"127.0.0.1:{port}", "make", "run"]
        assert dead.split()[:2] == ["node", "DEAD"]
        assert main(["--dir", str(tmp_path), "logs", "product"]) == 0
        assert "served" in capfd.readouterr().out
    assert main(["--dir", str(tmp_path), "status"]) == 1  # it has ended
    assert capfd.readouterr().err.startswith("nothing is running: ")
