"""How long each kind of work takes on this machine: small trials, about five seconds in all, whose results are kept.

A trial is a call of a public function on random bits, small enough to be quick and large enough to be timed. The rates
are those that explain the times of all trials best, given the work that each does.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field, TypeAdapter
from scipy.optimize import nnls

from foretell.exceptions import WriteError
from foretell.files import NOTE_BYTES, read_bounded, replacing
from foretell.measure.imbalance.by_token import token_map
from foretell.measure.imbalance.greedy_tokens import greedy_tokens
from foretell.measure.imbalance.information_imbalance import imbalance_curve
from foretell.measure.imbalance.semantic_layers import semantic_layers
from foretell.measure.results.result_files import save_result, write_csv
from foretell.measure.similarity.measures import MEASURES
from foretell.measure.similarity.similarity_matrix import similarity_curve
from foretell.measure.spaces.bits import BinarySpace
from foretell.measure.spaces.floats import FloatSpace
from foretell.options import current_options
from foretell.representations.cache import cache_dir, writing_cache
from foretell.representations.data.pairs import Pairs
from foretell.representations.imported.import_activations import import_activations
from foretell.studies.planning.work import Work, curve, greedy, similarities, token_pairs
from foretell.studies.plotting.curve_figures import depths_figure
from foretell.studies.plotting.panel_grid import save_figure
from foretell.studies.report.page import write_report
from foretell.version import __version__

if TYPE_CHECKING:
    import xarray as xr

    from foretell.representations.store.reader import Store

_FEW, _SOME, _MANY = 64, 200, 800
"""Items of trials: few, where the calls themselves take the time, and many."""
_LAYERS, _SOME_LAYERS = 20, 4
_SHORT_SECONDS = 0.06
_COMPILING_SECONDS = 10.0
"""A first trial that takes longer has compiled code, which happens once after an installation."""


_Rate = Annotated[float, Field(ge=0, lt=1e12)]


@dataclass(frozen=True)
class Rates:
    """What one of each count of `Work` takes.

    Attributes
    ----------
    seconds : mapping of str to float
        Of one.
    file_bytes : mapping of str to float
        That one leaves on the disk.
    start_seconds : float
        To read in the libraries that measure and draw.
    start_bytes : int
        Memory that they take.
    """

    seconds: Mapping[str, _Rate]
    file_bytes: Mapping[str, _Rate]
    start_seconds: _Rate
    start_bytes: Annotated[int, Field(ge=0)]

    def seconds_for(self, work: Work) -> float:
        """To do all of some work."""
        return sum(count * self.seconds.get(name, 0.0) for name, count in work.items())

    def bytes_for(self, work: Work) -> int:
        """That some work leaves on the disk."""
        return round(sum(count * self.file_bytes.get(name, 0.0) for name, count in work.items()))


_KEPT = TypeAdapter(Rates)


def measured_rates() -> tuple[Rates, bool]:
    """The rates of this machine with these threads, and whether they were measured now.

    They are kept in the cache for the next time, unless the cache cannot be written. Where code had to be compiled, the
    trials are made again, and are not kept: what the first of them cost is not known then.
    """
    threads = current_options().threads
    machine = [platform.node(), platform.machine(), os.cpu_count(), threads, current_options().backend, __version__]
    key = hashlib.sha256(json.dumps(machine).encode()).hexdigest()[:16]
    place = cache_dir() / "rates" / f"{key}.json"
    known = kept_rates(place)
    if known is not None:
        return known, False
    before, began = resident()[0], time.perf_counter()
    found = _trials()
    has_compiled = time.perf_counter() - began >= _COMPILING_SECONDS
    start, seconds, file_bytes = _trials() if has_compiled else found
    rates = Rates(seconds, file_bytes, start, max(resident()[0] - before, 0))
    if not has_compiled:
        with suppress(WriteError), writing_cache(place.parent), replacing(place) as path:
            path.write_text(json.dumps(asdict(rates)), encoding="utf-8")
    return rates, True


def resident() -> tuple[int, int]:
    """Bytes of memory that this process holds, and the most that it held."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        fields = {name: value for name, _, value in (line.partition(":") for line in lines)}
        now, most = (int(fields[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
    except (OSError, KeyError, ValueError):
        import resource  # which not every system has

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if platform.system() == "Darwin" else 1024)
        now = most
    return now, most


def kept_rates(place: Path) -> Rates | None:
    """Rates that were measured before, or None where there are none that can be read."""
    try:
        return _KEPT.validate_json(read_bounded(place, NOTE_BYTES))
    except (OSError, ValueError):
        return None  # they are measured again


def _trials() -> tuple[float, dict[str, float], dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _tried(Path(folder))


def _tried(folder: Path) -> tuple[float, dict[str, float], dict[str, float]]:
    """Seconds that the first calls take longer; seconds, and bytes of files, of one of each kind of work."""
    one, few = _spaces(_FEW, 1, 64), _spaces(_FEW, _LAYERS, 64)
    some, wide = (_spaces(_MANY, _SOME_LAYERS, n_bits) for n_bits in (2**13, 2**16))
    random = np.random.default_rng(0)
    points = {"0": FloatSpace(random.standard_normal((_MANY, 1024), np.float32))}
    tokens = BinarySpace(random.integers(0, 256, (_SOME, _LAYERS, 8), np.uint8), 64)
    groups = [str(item // 2) for item in range(_MANY)]
    every = list(MEASURES)
    trials: list[tuple[Callable[[], Any], Work]] = [
        (lambda: imbalance_curve(*one), _of(one)),
        (lambda: imbalance_curve(*few), _of(few)),
        (lambda: imbalance_curve(*some), _of(some)),
        (lambda: imbalance_curve(*wide), _of(wide)),
        (lambda: imbalance_curve(*some, null=100), _of(some, permutations=100)),
        (
            lambda: imbalance_curve(*some, null=100, groups=groups),
            _of(some, permutations=100, is_grouped=True),
        ),
        (
            lambda: imbalance_curve(points, points, metric="euclidean"),
            curve(_MANY, cells=1, bits=0, coordinates=2048),
        ),
        (
            lambda: similarity_curve(*one, measures=every, errors=True),
            similarities(_FEW, every, cells=1, bits=128, errors=True),
        ),
        (
            lambda: greedy_tokens(tokens, tokens, n_tokens=2),
            greedy(_SOME, tokens=_LAYERS, taken=2, bits=128 * _LAYERS),
        ),
    ]
    for name in every:
        of_measure = similarities(_MANY, [name], cells=_SOME_LAYERS, bits=2**14 * _SOME_LAYERS, errors=False)
        trials.append((partial(similarity_curve, *some, measures=[name]), of_measure))
    trials += [
        (lambda: token_map(tokens), token_pairs(_SOME, _LAYERS, 64)),
        (lambda: token_map(tokens, errors=False), token_pairs(_SOME, _LAYERS, 64, errors=False)),
    ]
    for _, work in trials:
        del work["scores"]  # nothing is saved so far
    store = _store(folder)
    trials.append((lambda: [store.space(layer).bits() for layer in store.layers], Work({"layers read": _SOME_LAYERS})))
    small, large = imbalance_curve(*few), token_map(tokens)
    of_small, of_large = 2 * _LAYERS * _FEW, 2 * _LAYERS**2 * _SOME
    sizes: dict[str, int] = {}

    def draw(n_panels: int) -> None:
        results = {f"curve {number}": small for number in range(n_panels)}
        figure = depths_figure(results, {name: semantic_layers(small) for name in results})
        files = [folder / f"{n_panels}{suffix}" for suffix in (".png", ".pdf")]
        for file in files:
            save_figure(figure, file)
        sizes[f"{n_panels} panels"] = sum(file.stat().st_size for file in files)

    def publish(result: xr.Dataset, name: str, copies: int = 1) -> None:
        files = [save_result(result, folder / f"{name}-{number}.nc") for number in range(copies)]
        for file in files:
            write_csv(result, file.with_suffix(".csv"))
        sizes[name] = files[0].stat().st_size
        sizes["page"] = write_report(files, folder / "page.html").stat().st_size

    trials += [
        (lambda: publish(small, "small"), Work({"pages": 1, "results": 1, "scores": of_small})),
        (lambda: publish(small, "small", 3), Work({"pages": 1, "results": 3, "scores": 3 * of_small})),
        (lambda: publish(large, "large"), Work({"pages": 1, "results": 1, "scores": of_large})),
        (lambda: draw(1), Work(figures=1, panels=1)),
        (lambda: draw(2), Work(figures=1, panels=2)),
    ]
    # The first call, picture and page read in the libraries, which happens once in a run as well.
    of_each = [_seconds(work) for work in (trials[0][0], lambda: draw(1), lambda: publish(small, "small"))]
    seconds = _solved([(_seconds(trial), work) for trial, work in trials])
    start = max(sum(of_each) - seconds["figures"] - seconds["panels"] - seconds["results"] - seconds["pages"], 0.0)
    a_panel = float(sizes["2 panels"] - sizes["1 panels"])
    file_bytes = {
        "panels": a_panel,
        "figures": max(sizes["1 panels"] - a_panel, 0.0),
        "pages": float(sizes["page"]),
        "results": float(sizes["small"]),
        "scores": (sizes["large"] - sizes["small"]) / (of_large - of_small),
        "bytes of items": 1.0,
    }
    return start, seconds, file_bytes


def _solved(timed: Sequence[tuple[float, Work]]) -> dict[str, float]:
    """Rates, none below 0, that explain the seconds of trials best, by relative errors."""
    names = sorted({name for _, work in timed for name in work})
    counts = np.array([[work[name] / seconds for name in names] for seconds, work in timed])
    scale = np.maximum(counts.max(axis=0), 1e-300)  # counts are of many orders of magnitude
    rates, _ = nnls(counts / scale, np.ones(len(timed)))
    return dict(zip(names, (rates / scale).tolist(), strict=True))


def _seconds(trial: Callable[[], Any]) -> float:
    """Seconds that a trial takes, the mean of two where it is short."""
    began = time.perf_counter()
    trial()
    first = time.perf_counter() - began
    if first > _SHORT_SECONDS:
        return first
    trial()
    return (time.perf_counter() - began) / 2


def _spaces(n_items: int, n_layers: int, n_bits: int) -> tuple[dict[str, BinarySpace], dict[str, BinarySpace]]:
    """Layers of random bits on two sides."""
    random = np.random.default_rng(0)
    data = random.integers(0, 256, (2, n_layers, n_items, 1, n_bits // 8), np.uint8)
    a, b = ({str(layer): BinarySpace(bits, n_bits) for layer, bits in enumerate(side)} for side in data)
    return a, b


def _store(folder: Path) -> Store:
    """A store of random activations."""
    names = tuple(str(item) for item in range(_SOME))
    pairs = Pairs("trial", {"a": names}, names, None, "none", "random")
    arrays = folder / "layers"
    arrays.mkdir()
    for layer in range(_SOME_LAYERS):
        np.save(arrays / f"{layer}.npy", np.random.default_rng(layer).standard_normal((_SOME, 10, 512), np.float32))
    return import_activations(
        arrays, pairs=pairs, side="a", out=folder / "trial.zarr", model_id="trial", ids=list(names), tokens="last 10"
    )


def _of(sides: tuple[Mapping[str, BinarySpace], Mapping[str, BinarySpace]], **call: Any) -> Work:
    """The work of a curve over the layers of two sides."""
    a = sides[0]
    return curve(a["0"].n_items, cells=len(a), bits=2 * len(a) * a["0"].n_bits, **call)
