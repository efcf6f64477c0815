"""Commands are tried in the tiny world of the studies' tests."""

from tests.studies.conftest import study, world

__all__ = ["study", "world"]
