"""`foretell.set_options`: what it sets, for how long, and for whom."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import numpy as np
import pytest

import foretell
from foretell.exceptions import OptionError
from foretell.options import current_options

X = np.random.default_rng(0).standard_normal((40, 16))


def test_a_block_puts_back_what_was_there() -> None:
    before = current_options()
    with foretell.set_options(threads=1, memory="1 GiB"):
        with foretell.set_options(backend="numpy"):
            assert current_options() == type(before)(1, 2**30, "numpy", None)
        with pytest.raises(KeyError), foretell.set_options(threads=7):
            raise KeyError
        assert current_options() == type(before)(1, 2**30, "auto", None)
        with foretell.set_options(threads=None, memory=None):
            assert current_options() == before
    assert current_options() == before


def test_without_a_block_options_stay() -> None:
    def set_and_read() -> int:
        foretell.set_options(threads=3)
        return current_options().threads

    assert copy_context().run(set_and_read) == 3  # in a context of its own, so that no other test is touched


def test_options_are_those_of_the_thread_that_set_them() -> None:
    with foretell.set_options(backend="numpy"), ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: current_options().backend).result() == "auto"
        assert foretell.imbalance_matrix([X], [X]).attrs["backend"] == "numpy"


@pytest.mark.parametrize(
    "wrong", [{"threads": 0}, {"threads": 1.5}, {"memory": "a lot"}, {"backend": "cuda"}, {"backend": None}]
)
def test_a_wrong_value_is_refused_and_changes_nothing(wrong: dict[str, Any]) -> None:
    before = current_options()
    (name,) = wrong
    with pytest.raises(OptionError, match=f"^{name}="):
        foretell.set_options(**({"threads": 2} | wrong))
    assert current_options() == before
