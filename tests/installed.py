"""Uses an installed Foretell where only its own dependencies are: run by the check of the wheel, in no test suite."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import foretell
from foretell.exceptions import MissingDependencyError

EXTRAS = (
    "torch",
    "transformers",
    "zarr",
    "h5netcdf",
    "pydantic",
    "yaml",
    "typer",
    "rich",
    "matplotlib",
    "numkong",
    "ray",
)


def measured(a: Any, b: Any, **options: Any) -> foretell.Imbalance:
    with foretell.set_options(**options):
        return foretell.information_imbalance(a, b)


def refusal(ask: Callable[[], object]) -> str:
    """What is said of a library that is not installed; nothing where none is missed."""
    try:
        ask()
    except MissingDependencyError as error:
        return str(error)
    return ""


def main() -> None:
    """Measure, ask for what is not there, and start the command line."""
    there = [name for name in EXTRAS if importlib.util.find_spec(name)]
    assert not there, f"{there} are installed: this is no environment of the core alone"
    assert Path(sys.prefix) in Path(foretell.__file__).parents, f"foretell is imported from {foretell.__file__}"
    assert importlib.metadata.version("foretell") == foretell.__version__

    rng = np.random.default_rng(0)
    shared = rng.standard_normal((200, 8))
    a, b = shared @ rng.standard_normal((8, 96)), shared[:, :3] @ rng.standard_normal((3, 64))
    compiled, counted = (measured(a, b, backend=name) for name in ("auto", "numpy"))
    values = [(found.a_to_b, found.b_to_a, found.asymmetry) for found in (compiled, counted)]
    assert values[0] == values[1], f"the kernels and numpy's bit counts differ: {values}"
    assert 0 < compiled.a_to_b < compiled.b_to_a < 1
    assert foretell.imbalance_matrix([a, b], [a, b])["imbalance"].shape == (2, 2, 2)

    asked: dict[str, Callable[[], object]] = {
        "a study": lambda: foretell.run("demo"),
        "a store": lambda: foretell.open_store("none.zarr"),
        "a result": lambda: foretell.load_result("none.nc"),
        "a model": lambda: foretell.load_model("hub/none", revision="main"),
        "a backend": lambda: measured(a, b, backend="numkong"),
        "a cluster": lambda: measured(a, b, cluster="auto"),
    }
    for what, ask in asked.items():
        assert "pip install 'foretell[" in refusal(ask), f"{what} does not say what to install"

    for command in ([sys.executable, "-m", "foretell"], [str(Path(sys.executable).with_name("foretell"))]):
        ran = subprocess.run([*command, "doctor"], capture_output=True, text=True, check=False)
        assert (ran.returncode, ran.stdout) == (1, "")
        assert ran.stderr.startswith("error: This needs typer, which is not installed: pip install 'foretell[studies]'")
    sys.stdout.write(f"foretell {foretell.__version__} from a wheel measures with its own dependencies alone\n")


if __name__ == "__main__":
    main()
