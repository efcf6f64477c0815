"""What users of libraries like this one count on: warnings, logging, seeds, and names and defaults that agree."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import foretell
from foretell.exceptions import ConstantSpaceWarning, InputError, OptionError, TieOrderWarning

SOURCES = Path(foretell.__file__).parent
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((2, 40, 6))
FLAT = np.ones((40, 6))
X_TOKENS, Y_TOKENS = (foretell.BinarySpace.from_activations(RNG.standard_normal((40, 3, 6))) for _ in "xy")
FLAT_TOKENS = foretell.BinarySpace.from_activations(np.ones((40, 3, 6)))


@cache
def trees() -> list[tuple[Path, ast.AST]]:
    paths = sorted(SOURCES.rglob("*.py"))
    return [(path.relative_to(SOURCES), ast.parse(path.read_text(encoding="utf-8"))) for path in paths]


@cache
def calls() -> list[tuple[str, str, ast.Call]]:
    """File, function as written, and node of every call."""
    return [
        (path.as_posix(), ast.unparse(node.func), node)
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    ]


def test_the_library_does_not_print() -> None:
    printing = {
        path for path, name, _ in calls() if name in ("print", "pprint", "sys.stdout.write", "sys.stderr.write")
    }
    assert {path for path in printing if not path.startswith("cli/")} == set()


def test_every_logger_is_under_foretell() -> None:
    loggers = [ast.unparse(call.args[0]) for _, name, call in calls() if name == "logging.getLogger"]
    assert len(loggers) > 5
    assert set(loggers) == {"__name__", "'foretell'"}


def test_nothing_is_logged_unasked() -> None:
    code = (
        "import foretell, logging; log = logging.getLogger('foretell.studies'); log.error('unasked')\n"
        "logging.basicConfig(); log.error('asked for')"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stderr == "ERROR:foretell.studies:asked for\n"
    assert ran.stdout == ""


def test_every_warning_is_given_by_one_function() -> None:
    """Which takes a category of Foretell's, and finds the caller's line."""
    assert {path for path, name, _ in calls() if name.startswith("warnings.warn")} == {"exceptions.py"}
    categories = {ast.unparse(call.args[1]) for _, name, call in calls() if name == "warn"}
    assert len(categories) >= 3
    for name in categories:
        assert issubclass(getattr(foretell.exceptions, name), foretell.exceptions.ForetellWarning)


OF_CONSTANT: dict[str, Callable[[], Any]] = {
    "imbalance_matrix": lambda: foretell.imbalance_matrix([X], [FLAT]),
    "imbalance_curve": lambda: foretell.imbalance_curve([X], [FLAT]),
    "similarity_matrix": lambda: foretell.similarity_matrix([X], [FLAT]),
    "similarity_curve": lambda: foretell.similarity_curve([X], [FLAT]),
    "token_curve": lambda: foretell.token_curve(X_TOKENS, FLAT_TOKENS),
    "token_map": lambda: foretell.token_map(X_TOKENS, FLAT_TOKENS),
    "cross_fit": lambda: foretell.cross_validate([X, X], [Y, FLAT], curve=True),
    "imbalance_by_n": lambda: foretell.imbalance_by_n(np.vstack([FLAT[:39], -FLAT[:1]]), X, sizes=[10, 40]),
}
OF_TIES: dict[str, Callable[[], Any]] = {
    "information_imbalance": lambda: foretell.information_imbalance(X, Y, convention="glielmo"),
    "item_imbalance": lambda: foretell.item_imbalance(X, Y, convention="glielmo"),
    "imbalance_matrix": lambda: foretell.imbalance_matrix([X], [Y], convention="glielmo"),
    "imbalance_curve": lambda: foretell.imbalance_curve([X], [Y], convention="glielmo"),
    "imbalance_by_n": lambda: foretell.imbalance_by_n(X, Y, convention="glielmo"),
    "token_curve": lambda: foretell.token_curve(X_TOKENS, Y_TOKENS, convention="glielmo"),
    "token_map": lambda: foretell.token_map(X_TOKENS, Y_TOKENS, convention="glielmo"),
}


@pytest.mark.parametrize(
    ("call", "category"),
    [
        *(pytest.param(call, ConstantSpaceWarning, id=f"constant, {name}") for name, call in OF_CONSTANT.items()),
        *(pytest.param(call, TieOrderWarning, id=f"ties, {name}") for name, call in OF_TIES.items()),
    ],
)
def test_warnings_name_the_line_of_the_caller(call: Callable[[], Any], category: type[Warning]) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    assert {one.category for one in caught} == {category}
    assert {(one.filename, one.lineno) for one in caught} == {(__file__, call.__code__.co_firstlineno)}


def test_items_of_xarray_are_where_they_say() -> None:
    """A dimension called item is that of the items: elsewhere than in rows it would be measured as something else."""
    table = xr.DataArray(X, dims=("item", "feature"))
    foretell.information_imbalance(table, Y)
    with pytest.raises(InputError, match=r"The dimensions are feature, item, and items are rows: give x.transpose"):
        foretell.information_imbalance(table.T, table.T)
    stack = xr.DataArray(np.stack([X, Y]), dims=("layer", "item", "feature"), coords={"layer": ["1", "2"]})
    assert foretell.imbalance_curve(stack, stack)["layer"].values.tolist() == [1, 2]
    for function in (foretell.imbalance_curve, foretell.imbalance_matrix):
        with pytest.raises(InputError, match="The first dimension of spaces_a is 'item', and layers come first"):
            function(stack.transpose("item", "layer", "feature"), stack)


@pytest.mark.parametrize("tau", [-0.1, 1, float("nan"), True, "x", None])
def test_a_share_that_is_none_is_refused(tau: Any) -> None:
    curve = foretell.imbalance_curve([X, Y], [Y, X])
    with pytest.raises(OptionError, match=r"tau=.* is not an option: give a share"):
        foretell.semantic_layers(curve, tau=tau)


def test_an_option_that_no_model_has_is_refused_by_name(tmp_path: Path) -> None:
    pairs = foretell.Pairs("three", {"en": ("a", "b", "c")}, ("1", "2", "3"), None, "CC0-1.0", "made up")
    with pytest.raises(OptionError, match="'dtyp' is not an option of models: choose among revision, dtype, device"):
        foretell.extract(pairs, model="anything", side="en", out=tmp_path / "out.zarr", dtyp="float16")
    with pytest.raises(TypeError, match="dtyp"):
        foretell.load_model("anything", dtyp="float16")  # type: ignore[call-arg]


def test_nothing_to_choose_the_least_from_has_no_p_value() -> None:
    with pytest.warns(ConstantSpaceWarning):
        curve = foretell.imbalance_curve([X], [np.ones_like(Y)], null=9)
    assert np.isnan(curve["p_value_minimum"].sel(direction="a_to_b"))
    assert curve["imbalance"].sel(direction="b_to_a").item() == 1


SEEDED: dict[str, Callable[[int], Any]] = {
    "imbalance_matrix, drawn": lambda seed: foretell.imbalance_matrix([X], [Y], subsample=20, seed=seed),
    "imbalance_matrix, null": lambda seed: foretell.imbalance_matrix([X], [Y], null=9, seed=seed),
    "imbalance_matrix, paper": lambda seed: foretell.imbalance_matrix([X], [Y], preset="paper", seed=seed),
    "imbalance_curve": lambda seed: foretell.imbalance_curve([X], [Y], queries=20, errors=False, seed=seed),
    "imbalance_by_n": lambda seed: foretell.imbalance_by_n(X, Y, sizes=[10, 20], seed=seed),
    "token_curve": lambda seed: foretell.token_curve(X_TOKENS, Y_TOKENS, null=9, seed=seed),
    "token_map": lambda seed: foretell.token_map(X_TOKENS, Y_TOKENS, null=9, seed=seed),
    "greedy_tokens": lambda seed: foretell.greedy_tokens(X_TOKENS, Y_TOKENS, seed=seed),
    "similarity_curve": lambda seed: foretell.similarity_curve([X], [Y], k=3, errors=True, seed=seed),
    "similarity_matrix": lambda seed: foretell.similarity_matrix([X], [Y], k=3, errors=True, seed=seed),
    "cross_fit": lambda seed: [
        (one.value, one.stderr) for one in foretell.cross_validate([X, Y], [Y, X], curve=True, seed=seed).values()
    ],
    "halves_stderr": lambda seed: foretell.halves_stderr(lambda rows: X[rows].mean(), 40, seed=seed),
}


@pytest.mark.parametrize("name", SEEDED)
def test_a_seed_decides_what_is_drawn(name: str) -> None:
    def as_one(result: Any) -> Any:
        return result.drop_attrs() if isinstance(result, xr.Dataset) else np.asarray(result)

    def same(one: Any, other: Any) -> bool:
        return one.identical(other) if isinstance(one, xr.Dataset) else np.array_equal(one, other)

    before = np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
    first, again, other = (as_one(SEEDED[name](seed)) for seed in (1, 1, 2))
    assert same(first, again)
    assert not same(first, other)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # type: ignore[index]  # noqa: NPY002


def functions() -> dict[str, Callable[..., Any]]:
    return {name: one for name in foretell.__all__ if inspect.isfunction(one := getattr(foretell, name))}


DIFFER: dict[str, dict[str, Any]] = {
    # In measures beside the imbalance, ten neighbours and no errors are what their authors take.
    "k": {"similarity_curve": 10, "similarity_matrix": 10},
    "errors": {"similarity_curve": False, "similarity_matrix": False},
    # A second side, and a result beside two sides, that may be left out.
    "a": {"diagnose": None},
    "b": {"diagnose": None, "token_map": None},
    "result": {"diagnose": None},
    # What is asked for by name here is an option there.
    "out": {"plan": None, "run": None, "write_report": "report.html"},
    "n_items": {"halves_stderr": inspect.Parameter.empty},
    "sides": {"load_pairs": inspect.Parameter.empty},
    # What a store keeps is looked at, whatever that is.
    "tokens": {"diagnose": None},
}


def test_parameters_of_one_name_have_one_default() -> None:
    defaults: dict[str, dict[str, Any]] = defaultdict(dict)
    for function, one in functions().items():
        for name, parameter in inspect.signature(one).parameters.items():
            if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
                defaults[name][function] = parameter.default
    for name, of in defaults.items():
        usual = {function: default for function, default in of.items() if function not in DIFFER.get(name, {})}
        assert len({repr(default) for default in usual.values()}) <= 1, (name, usual)
        for function, default in DIFFER.get(name, {}).items():
            assert of[function] == default, (name, function)


def test_what_is_measured_comes_by_place_and_how_by_name() -> None:
    how = {"k", "metric", "convention", "seed", "errors", "null", "groups", "progress"}
    known = defaultdict(set)
    for function, one in functions().items():
        for name, parameter in inspect.signature(one).parameters.items():
            known[function].add(name)
            assert name not in how or parameter.kind is parameter.KEYWORD_ONLY, (function, name)
    # Other people's words for the same things are not used beside ours.
    others = {"n_neighbors", "random_state", "rng", "n_jobs", "verbose", "distance", "n_permutations", "workers"}
    assert not others & set().union(*known.values())
    for function in (name for name in known if "metric" in known[name] and name != "diagnose"):
        assert "k" in known[function], function
    # How work is done is said in one place.
    assert not {"backend", "threads", "memory", "cluster"} & set().union(*known.values())


def environment_variables() -> set[str]:
    """Names that are read from the environment anywhere."""
    found = set()
    for _, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("os.environ.get", "os.getenv"):
                found.add(ast.literal_eval(node.args[0]))
            elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
                if isinstance(node.ctx, ast.Load):
                    found.add(ast.literal_eval(node.slice))
            elif isinstance(node, ast.Compare) and "os.environ" in map(ast.unparse, node.comparators):
                found.add(ast.literal_eval(node.left))
    return found


def test_every_setting_is_documented() -> None:
    page = (Path(__file__).parents[1] / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    documented = {name.strip(" `") for row in rows for name in row.split("|")[1].split(",")}
    own = {name for name in environment_variables() if name.startswith("FORETELL_")}
    assert own == {"FORETELL_CACHE", "FORETELL_OFFLINE"}
    assert environment_variables() <= documented
    assert {name for name in documented if name.startswith("FORETELL_")} == own
