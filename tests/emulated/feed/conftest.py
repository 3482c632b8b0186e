"""The order desk makes the events that these tests read."""

from tests.emulated.desk.conftest import desk

__all__ = ["desk"]
