"""The peers' process: other people's libraries do the same work, timed where they run.

It runs in the peers' own environment (`make bench` makes it from ``benchmarks/peers-constraints.txt``), imports nothing
of Foretell, and answers JSON lines. `both_ways.py` starts it with the environment that holds every library to one
thread (``OMP_NUM_THREADS=1`` and the like, read when a library is loaded). To try it by hand::

    echo '{"do": "make", "n_items": 300, "n_dims": 4096}
    {"do": "run", "job": "faiss"}' | OMP_NUM_THREADS=1 .venv-peers/bin/python benchmarks/peers.py

Requests: ``make`` makes both sides and answers their digest; ``run`` does one job and answers its seconds and both
values; ``versions`` answers those of the libraries. Every job starts from the float32 activations, runs on one thread,
and gives the Information Imbalance both ways at k = 1.

``dadapy``
    ``MetricComparisons(a).return_information_imbalace(b)``, DADApy's documented call for both directions at once, on
    +-1 coordinates. Its metric is the Euclidean one, and on +-1 that is the order of Hamming distances. DADApy's own
    Hamming distances are slower at this size and have no documented way into an imbalance: ``dadapy.hamming.Hamming``
    (JAX) goes pair by pair over 32-bit integers, and ``compute_distances(metric="hamming")`` is scikit-learn's over
    float64 coordinates, over a minute a side.
``faiss``
    ``IndexBinaryFlat``: all N neighbours of every item on both sides, bits packed inside the time; ranks by numpy.
``scikit-learn``
    ``NearestNeighbors`` by brute force with the cosine metric on +-1 float32, ranks by ``scipy.stats.rankdata``. The
    cosine is the fastest of its metrics that order +-1 as Hamming distances do (7.5 s a side, where the Euclidean one
    takes 17 and ``metric="hamming"`` over a minute, all at N = 2,000 and D = 81,920); rounding to whole bits makes it
    exact again.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import data
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Values = tuple[float, float]

LIBRARIES = ("dadapy", "faiss-cpu", "scikit-learn", "scipy", "numpy")


def dadapy(a: Array, b: Array) -> Values:
    """DADApy's call for both directions; its convention is the one that Foretell calls glielmo."""
    from dadapy import MetricComparisons

    sides = [np.where(x > 0, 1.0, -1.0) for x in (a, b)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that one subset of 2,000 is the whole of the data
        there, back = MetricComparisons(sides[0], n_jobs=1).return_information_imbalace(sides[1], subset_size=len(a))
    return float(there[0]), float(back[0])


def faiss(a: Array, b: Array) -> Values:
    """All neighbours from faiss, average ranks by counting."""
    import faiss as library

    library.omp_set_num_threads(1)
    found = []
    for x in (a, b):
        bits = np.packbits(x > 0, axis=1)
        index = library.IndexBinaryFlat(8 * bits.shape[1])
        index.add(bits)
        found.append(index.search(bits, len(bits)))
    return _imbalance(found[0][1], *found[1]), _imbalance(found[1][1], *found[0])


def scikit_learn(a: Array, b: Array) -> Values:
    """All neighbours from scikit-learn, average ranks from scipy."""
    from scipy.stats import rankdata
    from sklearn.neighbors import NearestNeighbors

    found = []
    for x in (a, b):
        signs = np.where(x > 0, np.float32(1), np.float32(-1))
        search = NearestNeighbors(n_neighbors=len(x), algorithm="brute", metric="cosine", n_jobs=1).fit(signs)
        cosine, neighbours = search.kneighbors(signs)
        distances = np.rint(cosine * (signs.shape[1] / 2))
        found.append((rankdata(distances, axis=1), neighbours))
    values = []
    for (_, mine), (ranks, theirs) in (found, found[::-1]):
        place = np.argmax(theirs == mine[:, 1:2], axis=1)
        # The item itself stands first among its own neighbours; ranks are counted without it.
        values.append(_value(ranks[np.arange(len(ranks)), place] - 1))
    return values[0], values[1]


JOBS: dict[str, Callable[[Array, Array], Values]] = {"dadapy": dadapy, "faiss": faiss, "scikit-learn": scikit_learn}


def _imbalance(neighbours: Array, distances: Array, theirs: Array) -> float:
    """Value from the neighbours in one space, and the sorted distances and their items in the other."""
    place = np.argmax(theirs == neighbours[:, 1:2], axis=1)
    reached = distances[np.arange(len(distances)), place][:, None]
    nearer, tied = (distances < reached).sum(axis=1) - 1, (distances == reached).sum(axis=1)
    return _value(nearer + (tied + 1) / 2)


def _value(ranks: Array) -> float:
    """Foretell's adjusted value, where no item has two nearest neighbours."""
    n = len(ranks) - 1
    return float((ranks.mean() - 1) / ((n + 1) / 2 - 1))


def main() -> None:
    """Answer requests until there are no more."""
    # Libraries print; whatever they say goes to stderr, and the answers alone to stdout.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    a = b = np.empty((0, 0), np.float32)
    for line in sys.stdin:
        request = json.loads(line)
        answer: dict[str, Any]
        if request["do"] == "make":
            a, b = (data.activations(request["n_items"], request["n_dims"], side=side) for side in (0, 1))
            answer = {"digest": data.digest(a, b)}
        elif request["do"] == "run":
            job = JOBS[request["job"]]
            job(a[:64, :64], b[:64, :64])  # imports and first calls are nobody's speed
            start = time.perf_counter()
            values = job(a, b)
            answer = {"seconds": time.perf_counter() - start, "values": values}
        else:
            answer = {library: version(library) for library in LIBRARIES} | {"python": sys.version.split()[0]}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
