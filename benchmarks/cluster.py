"""A cluster on this machine's loopback against the plain run: time, traffic, what a killed worker costs.

    make bench-cluster        (or .venv/bin/python benchmarks/cluster.py [--items 5000 --layers 20])

Two nodes of one processor each, and a head that holds the driver and does no work, so that everything which goes from a
node to another crosses the loopback device. Both sides have the same budget of memory, which holds some layers'
distances at once: both take one half of them. Runs are in turn, after one that is not counted; the median is shown.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import foretell
from foretell.cluster.cluster import Cluster

MEMORY = "512 MiB"
BARS = {"time": 1.25, "traffic": 1.2}


def main() -> None:
    """Measure, and print a line a bar."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=5000)
    parser.add_argument("--layers", type=int, default=20)
    parser.add_argument("--bits", type=int, default=20 * 576, help="of an item at a layer")
    parser.add_argument("--null", type=int, default=0, help="permutations")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    a, b = (_spaces(options, side) for side in (1, 2))
    packed = sum(space.data.nbytes for space in (*a.values(), *b.values()))
    print(f"N = {options.items}, 2 x {options.layers} layers of {options.bits} bits: {packed / 2**20:.0f} MiB packed")
    with _loopback():
        plain, shared, traffic = [], [], []
        for number in range(options.rounds + 1):
            seconds, alone = _timed(a, b, threads=2, null=options.null)
            before = _loopback_bytes()
            seconds_shared, result = _timed(a, b, cluster="auto", null=options.null)
            crossed = _loopback_bytes() - before
            xr.testing.assert_identical(result, alone)
            if number:
                plain.append(seconds)
                shared.append(seconds_shared)
                traffic.append(crossed)
        ratio = statistics.median(one / other for one, other in zip(shared, plain, strict=True))
        print(f"plain, 2 threads: {_said(plain)}; 2 single-core workers: {_said(shared)}")
        print(f"  ratio {ratio:.2f} (bar: {BARS['time']}); results identical to the bit")
        a_node = statistics.median(traffic) / 2
        share = f"{a_node / packed:.2f} of the packed bits"
        print(f"traffic a node: {a_node / 2**20:.0f} MiB, {share} (bar: {BARS['traffic']})")
        _tasks()
        if not options.null:
            _killed(a, b, statistics.median(shared))


def _spaces(options: argparse.Namespace, side: int) -> dict[str, foretell.BinarySpace]:
    known = np.random.default_rng(0).standard_normal((options.items, 20), np.float32)
    rng = np.random.default_rng(side)
    found = {}
    for layer in range(options.layers):
        x = known @ rng.standard_normal((20, options.bits), np.float32)
        x += (1 + layer) * rng.standard_normal(x.shape, np.float32)
        found[str(layer)] = foretell.BinarySpace.from_activations(x)
    return found


def _timed(
    a: dict[str, foretell.BinarySpace], b: dict[str, foretell.BinarySpace], null: int = 0, **how: Any
) -> tuple[float, xr.Dataset]:
    began = time.perf_counter()
    with foretell.set_options(memory=MEMORY, **how):
        result = foretell.imbalance_curve(a, b, null=null)
    return time.perf_counter() - began, result


def _said(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"


def _loopback_bytes() -> int:
    """Bytes that have crossed the loopback device: of every process on this machine."""
    (line,) = [line for line in Path("/proc/net/dev").read_text().splitlines() if line.strip().startswith("lo:")]
    return int(line.split()[1])


def _nothing(common: None, number: int) -> int:
    return number


def _own_number(common: None, number: int) -> int:
    time.sleep(0.2)  # so that each worker gets one
    return os.getpid()


def _tasks() -> None:
    """What a task costs that does nothing."""
    list(Cluster().in_order(_nothing, None, list(range(20)), name="nothing"))
    began = time.perf_counter()
    list(Cluster().in_order(_nothing, None, list(range(400)), name="nothing"))
    print(f"a task that does nothing: {(time.perf_counter() - began) / 400 * 1000:.1f} ms")


def _small_measure(common: None, number: int) -> float:
    x = np.random.default_rng(number).standard_normal((64, 64))
    return foretell.information_imbalance(x, x[::-1].copy()).a_to_b


def _killed(a: dict[str, foretell.BinarySpace], b: dict[str, foretell.BinarySpace], undisturbed: float) -> None:
    """Kill a worker half way, again and again, and say what it cost."""
    starts, costs = [], []
    for _ in range(3):
        for victim in set(Cluster().in_order(_own_number, None, [0, 1], name="victim")):
            os.kill(victim, 9)
        time.sleep(1)  # until their deaths are known
        began = time.perf_counter()
        list(Cluster().in_order(_small_measure, None, [0, 1], name="small"))
        starts.append(time.perf_counter() - began)
        victim = next(Cluster().in_order(_own_number, None, [0], name="victim"))
        killer = threading.Timer(undisturbed / 2, os.kill, (victim, 9))
        killer.start()
        seconds, _ = _timed(a, b, cluster="auto")
        killer.join()
        costs.append(seconds - undisturbed)
    a_task = 2 * undisturbed / len(a)  # each layer is one
    start = statistics.median(starts)
    print(
        f"a worker killed half way: {statistics.median(costs):+.2f} s ({min(costs):+.2f} to {max(costs):+.2f}); "
        f"bar: a task of work, {a_task:.2f} s, and the start of a new worker, {start:.2f} s"
    )


@contextmanager
def _loopback() -> Iterator[None]:
    import ray
    from ray.cluster_utils import Cluster as Nodes

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    store = 2 * 2**30
    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": store}
    nodes = Nodes(initialize_head=True, head_node_args=head)
    for _ in range(2):
        nodes.add_node(num_cpus=1, object_store_memory=store)
    ray.init(address=nodes.address, log_to_driver=False, logging_level=logging.ERROR)
    try:
        yield
    finally:
        ray.shutdown()
        nodes.shutdown()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
