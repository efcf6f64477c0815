"""Bits that are signed where the model is, and cross to the host beside its work."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import foretell
from foretell.representations.data.pairs import Pairs
from foretell.representations.extraction.binarize import packed_on_device
from foretell.representations.extraction.model_run import Crossing

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("n_dimensions", [1, 7, 8, 20, 65])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_device_packs_as_numpy_does(n_dimensions: int, dtype: str) -> None:
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((5, 3, n_dimensions))).to(getattr(torch, dtype))
    x[0, 0, 0], x[1, 0, 0], x[2, 0, 0] = 0.0, -0.0, 1e-7
    wanted = np.packbits((x > 0).numpy(), axis=-1)
    np.testing.assert_array_equal(packed_on_device(x).numpy(), wanted)


def test_what_crosses_arrives_by_its_name() -> None:
    crossing = Crossing()
    sent = {("kept", number): torch.full((3, 2), number, dtype=torch.uint8) for number in range(4)}
    for name, tensor in sent.items():
        crossing.send(name, tensor)
    arrived = crossing.arrived()
    assert list(arrived) == list(sent)
    for name, values in arrived.items():
        np.testing.assert_array_equal(values, sent[name].numpy())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
def test_a_gpu_reads_as_the_processor_does(tiny_pairs: Pairs, tiny_model_folder: Path, tmp_path: Path) -> None:
    here, there = (
        foretell.extract(
            tiny_pairs, model=str(tiny_model_folder), side="left", out=tmp_path / device, tokens="last 5", device=device
        )
        for device in ("cpu", "cuda")
    )
    n_activations = 0
    n_differing = 0
    for layer in here.layers:
        bits = [store.space(layer).bits().unpack() for store in (here, there)]
        n_activations += bits[0].size
        n_differing += int((bits[0] != bits[1]).sum())
    assert n_differing <= int(here.near_zero.sum())
    assert n_differing < 1e-3 * n_activations
