"""Name the cause of a bad or suspicious imbalance, from evidence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.exceptions import InputError, OptionError, check_option, checked_count
from foretell.measure.array_types import Numbers
from foretell.measure.distances.backends import METRICS
from foretell.measure.results.result_files import checked_as_result, load_result
from foretell.representations.imported.array_files import SUFFIXES
from foretell.representations.store.reader import Store
from foretell.studies.diagnose.findings import Diagnosis, Finding
from foretell.studies.diagnose.pairing import find_pairing
from foretell.studies.diagnose.result_checks import find_in_result, find_swapped
from foretell.studies.diagnose.side_contents import Contents, find_contents
from foretell.studies.diagnose.sides import Given, common_items, distances_of, given
from foretell.studies.run_folder import compared_in_run, is_run

if TYPE_CHECKING:
    import xarray as xr


def diagnose(
    a: Any = None,
    b: Any = None,
    *,
    result: xr.Dataset | str | Path | None = None,
    layers_a: Sequence[str] | None = None,
    layers_b: Sequence[str] | None = None,
    tokens: str | None = None,
    metric: str = "hamming",
    k: int = 1,
    items: int = 3000,
    seed: int = 0,
) -> Diagnosis:
    """Name what is wrong with two sides, or with a result, and prove it.

    Looked for are: pairs that are shifted, all or part way; pairs of which a part is out of order; two spaces with
    nothing in common; collapsed bits; dead dimensions; items that are alike; a metric that does not fit; a result whose
    directions are swapped against its labels.

    Parameters
    ----------
    a, b : store, path, space, array, or mapping of names to spaces; optional
        Or `a` alone the folder of a run: then its stores and results are looked at, each two that it compared.
        The two sides, item i of A beside item i of B: a store or its path, a file of arrays, or what
        `foretell.information_imbalance` takes, or several of these by name. One side alone is looked at by itself.
    result : Dataset or path of a result.nc, optional
        A result of these sides, or alone.
    layers_a, layers_b : sequence of str, optional
        Names of layers, five spread over depth by default.
    tokens : str, optional
        Of stores: a rule such as "last 5".
    metric : {"hamming", "euclidean", "cosine", "precomputed"}
        Of arrays.
    k : int
        Neighbours of the imbalances in the evidence.
    items : int
        The first so many are looked at. Time and memory grow with their square.
    seed : int
        Of shuffles.

    Returns
    -------
    Diagnosis
        Its `findings` are empty where nothing is wrong.

    Raises
    ------
    OptionError, InputError, StoreError
        If nothing is given, or what is given cannot be read.

    Examples
    --------
    >>> import numpy as np, foretell
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((300, 64))
    >>> a, b = x + 0.3 * rng.standard_normal(x.shape), x + 0.3 * rng.standard_normal(x.shape)
    >>> diagnose(a, b).faults
    ()
    >>> diagnose(a, np.roll(b, 7, axis=0)).findings[0].said
    'Pairs are shifted: item i of A goes with item i + 7 of B, round the end.'
    """
    check_option("metric", metric, METRICS)
    limit = checked_count("items", items, least=20)
    if b is None and result is None and isinstance(a, str | Path) and is_run(a):
        return _of_run(a, layers_a=layers_a, layers_b=layers_b, tokens=tokens, k=k, items=limit, seed=seed)
    if a is None and b is None and result is None:
        raise OptionError("There is nothing to diagnose: give a result, a side, or two.")
    findings: list[Finding] = []
    looked_at: list[str] = []
    read: Any = load_result(result) if isinstance(result, str | Path) else result
    rules: Sequence[str | None] = (tokens, tokens)
    if read is not None:
        with checked_as_result("The result"):
            findings += find_in_result(read)
        looked_at.append(f"result: {read.attrs.get('n_items')} items, whether it is below shuffled pairs")
        if tokens is None:
            rules = [rule if _is_store(side) else None for rule, side in zip(_tokens_of(read), (a, b), strict=True)]
    sides = [
        given(side, letter, layers=layers, tokens=rule, metric=metric)
        for letter, side, layers, rule in zip("AB", (a, b), (layers_a, layers_b), rules, strict=True)
        if side is not None
    ]
    contents = []
    for side in sides:
        rows = np.arange(min(side.n_items, limit))
        contents.append(find_contents(side, rows, metric))
        findings += contents[-1].findings
        looked_at.append(
            f"{side.letter}: {side.name}, {', '.join(side.spaces)}; {len(rows)} of {side.n_items} items: "
            f"{'collapsed bits, dead dimensions, ' if metric == 'hamming' else ''}items alike, whether the metric fits"
        )
    if len(sides) == 2:
        first, second = sides
        findings += _differing(first, second)
        of_pairs, line = _pairing(sides, contents, limit=limit, metric=metric, k=k, seed=seed)
        findings += of_pairs
        looked_at.append(line)
        if read is not None and not any(finding.fault == "items_missing" for finding in findings):
            with checked_as_result("The result"):
                swapped, line = find_swapped(read, first, second)
            findings += swapped
            looked_at.append(line)
    return Diagnosis(tuple(findings), tuple(looked_at))


def _of_run(folder: str | Path, **options: Any) -> Diagnosis:
    """What is found of each two stores that a run compared, together."""
    every = [diagnose(one.a, one.b, result=one.result, **options) for one in compared_in_run(folder)]
    if not every:
        raise InputError(f"{folder}: none of its results is of stores that it names: give two stores, or a result.nc.")
    findings = {finding.said: finding for found in every for finding in found.findings}
    return Diagnosis(
        tuple(findings.values()), tuple(dict.fromkeys(line for found in every for line in found.looked_at))
    )


def _is_store(side: Any) -> bool:
    return isinstance(side, Store) or (isinstance(side, str | Path) and Path(side).suffix not in SUFFIXES)


def _tokens_of(result: xr.Dataset) -> tuple[str | None, str | None]:
    """Token rules of A and of B that a study's result was measured with, where it says so."""
    first, _, second = str(result.attrs.get("tokens", "")).partition(" and ")
    if not first or "," in first + second:
        return None, None  # nothing is said, or how activations became bits, which stores tell themselves
    return first, second or first


def _pairing(
    sides: Sequence[Given], contents: Sequence[Contents], *, limit: int, metric: str, k: int, seed: int
) -> tuple[Sequence[Finding], str]:
    """What is found of the pairs, from the layers that are sound."""
    places = [rows[:limit] for rows in common_items(*sides)]
    alike = np.zeros(len(places[0]), bool)
    matrices = []
    for side, of_side, rows in zip(sides, contents, places, strict=True):
        alike |= np.isin(rows, np.flatnonzero(of_side.alike))
        fit = [space for name, space in side.spaces.items() if name not in of_side.unfit]
        matrices.append([d for d in (distances_of(space, metric, rows) for space in fit) if not _is_constant(d)])
    if not all(matrices):
        return (), "pairs: not looked at, since a side has no sound layer"
    return find_pairing(*matrices, alike=alike, k=k, seed=seed)


def _is_constant(d: Numbers) -> bool:
    others = d[~np.eye(len(d), dtype=bool)]
    return bool((others == others[0]).all())


def _differing(a: Given, b: Given) -> list[Finding]:
    """Items that one side lacks or that stand in another order, where numbers or ids tell."""
    same_ids = a.ids is None or b.ids is None or a.ids == b.ids
    if a.n_items == b.n_items and same_ids:
        return []
    evidence: dict[str, float | int | str] = {"items of A": a.n_items, "items of B": b.n_items}
    sentence = "The two sides have different numbers of items."
    if not same_ids:
        common = len(set(a.ids or ()) & set(b.ids or ()))
        evidence["ids that both have"] = common
        same = common == a.n_items == b.n_items
        sentence = "The two sides have the same ids in another order." if same else "The two sides have different ids."
    remedy = "foretell.align the sides by id (`foretell compare --common`); without ids, find which items are missing"
    return [Finding("items_differ", sentence, evidence, remedy)]
