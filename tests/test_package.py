"""The package as a whole: what importing it costs, its public names, and its tasks."""

from __future__ import annotations

import ast
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import foretell
from foretell.exceptions import MissingDependencyError, OptionError, require
from foretell.files import replacing
from foretell.options import current_options
from foretell.threads import in_order

HEAVY = ("torch", "transformers", "ray", "matplotlib", "plotly")


def modules_after(code: str) -> set[str]:
    script = f"{code}\nimport sys; print(' '.join(m for m in sys.modules if '.' not in m))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_foretell_imports_nothing_heavy() -> None:
    assert not modules_after("import foretell") & {*HEAVY, "numba", "scipy", "xarray", "zarr", "numpy"}


def test_measuring_two_arrays_imports_nothing_heavy() -> None:
    code = (
        "import foretell, numpy as np\n"
        "x = np.random.default_rng(0).standard_normal((20, 9))\n"
        "foretell.information_imbalance(x, x)"
    )
    assert not modules_after(code) & {*HEAVY, "xarray", "pandas", "zarr"}


def test_every_public_name_is_there_and_documented() -> None:
    for name in foretell.__all__:
        thing = getattr(foretell, name)
        assert name == "__version__" or (thing.__doc__ or "").strip()
    assert set(foretell.__all__) == {*foretell._HOME, "__version__"}
    assert dir(foretell) == sorted(foretell.__all__)
    with pytest.raises(AttributeError, match=r"no 'nothing': .* information_imbalance"):
        foretell.nothing  # type: ignore[attr-defined]  # noqa: B018


def test_type_checkers_find_the_same_names_at_the_same_places() -> None:
    stub = ast.parse(Path(foretell.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    found = {alias.asname: f"{node.module}" for node in imports for alias in node.names}
    assert found == foretell._HOME | {"__version__": "foretell.version"}


def test_the_citation_is_of_this_version() -> None:
    citation = (Path(__file__).parents[1] / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {foretell.__version__}\n" in citation


WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"typer", "rich", "yaml", "pydantic", "torch", "zarr", "matplotlib"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
"""


def test_the_core_alone_says_what_to_install() -> None:
    code = WITHOUT + "from foretell.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: This needs typer, which is not installed: pip install 'foretell[studies]'")
    code = WITHOUT + "import foretell\ntry: foretell.run\nexcept ImportError as e: print(e)\n"
    code += "import numpy as np; x = np.eye(9, 12) - .5; print(foretell.information_imbalance(x, 1. * x[::-1]).n)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "foretell.run needs" in done.stdout
    assert "pip install 'foretell[studies,hf]'" in done.stdout


def test_results_come_in_order_whatever_the_threads() -> None:
    def slow_first(i: int) -> int:
        time.sleep(0.02 if i == 0 else 0)
        return i

    for threads in (1, 2, 7):
        assert list(in_order(slow_first, range(20), threads=threads)) == list(range(20))


def test_few_results_wait_to_be_taken() -> None:
    done = 0
    lock = threading.Lock()

    def work(i: int) -> int:
        nonlocal done
        with lock:
            done += 1
        return i

    answers = in_order(work, range(1000), threads=2)
    next(answers)
    time.sleep(0.05)
    assert done <= 6
    answers.close()  # type: ignore[attr-defined]


def test_an_error_in_a_task_comes_out() -> None:
    def work(i: int) -> int:
        if i == 3:
            raise ValueError("three")
        return i

    with pytest.raises(ValueError, match="three"):
        list(in_order(work, range(10), threads=2))


def test_threads_are_checked() -> None:
    assert current_options().threads >= 1
    with foretell.set_options(threads=3):
        assert current_options().threads == 3
    wrong: Any
    for wrong in (0, -1, 2.0, True, "2"):
        with pytest.raises(OptionError, match="threads="):
            foretell.set_options(threads=wrong)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "summary.txt"
    with replacing(path) as made:
        made.write_text("old")

    def interrupted() -> None:
        with replacing(path) as made:
            made.write_text("half of the n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]
    with replacing(path) as made:
        made.write_text("new")
    assert path.read_text() == "new"


def test_a_missing_library_is_named_with_its_extra() -> None:
    with pytest.raises(MissingDependencyError, match=r"needs no_such_library.*foretell\[hf\]"):
        require("no_such_library", "hf")
    with pytest.raises(MissingDependencyError, match=r"pip install no_such_library\."):
        require("no_such_library", None)
    with pytest.raises(MissingDependencyError, match=r"needs no_such_library, "):
        require("no_such_library.parts", "hf")
