"""How fast a model reads sentences, ours against a plain loop: measured in a process of its own.

``rows`` in `extraction.py` starts it afresh for every measurement. By hand::

    .venv/bin/python benchmarks/reading.py --how ours --model smollm2-135m --items 200

The plain loop is what one writes first: a model with its output head, 16 sentences at a time in the order they come,
all hidden states asked for, of which the last 20 tokens are kept. Both read the same sentences with the same weights,
dtype and threads, and their signs are compared by share. It prints one JSON line: seconds, sentences, peak memory
beyond the loaded model, and what the store takes. Linux only.
"""

from __future__ import annotations

import argparse
import gc
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from memory import CLEAR, status

from foretell.representations.data.pairs import Pairs
from foretell.representations.extraction.extract import extract
from foretell.representations.extraction.selection import select_pairs
from foretell.representations.loading.describe_model import describe_model
from foretell.representations.loading.load_model import load_text_model
from foretell.representations.loading.load_pairs import load_pairs

TOKENS, BATCH = 20, 16


def chosen(model: Any, n_items: int) -> Pairs:
    """Sentences that are long enough."""
    pairs = load_pairs("home-assistant", ["en", "de"])
    return select_pairs(pairs, models=[model], tokens=f"last {TOKENS}", sides=["en"], n_items=n_items)


def ours(name: str, n_items: int) -> dict[str, Any]:
    """Seconds and peak of `foretell.extract`."""
    model = load_text_model(name)
    pairs = chosen(model, n_items)
    with tempfile.TemporaryDirectory() as folder:
        extract(pairs.take(range(8)), model=model, side="en", out=Path(folder) / "warm.zarr")
        baseline, start = fresh(), time.perf_counter()
        store = extract(pairs, model=model, side="en", out=Path(folder) / "en.zarr")
        seconds = time.perf_counter() - start
        size = sum(file.stat().st_size for file in (Path(folder) / "en.zarr").rglob("*") if file.is_file())
        activations = sum(n_items * TOKENS * n_bits for n_bits in store.info.kept[0].n_bits.values())
        signs = store.space(str(model.n_blocks // 2)).bits().unpack()
        return {
            "seconds": seconds,
            "beyond": status("VmHWM") - baseline,
            "bits_per_activation": 8 * size / activations,
            "signs": np.packbits(signs).tobytes().hex(),
        }


def plain(name: str, n_items: int) -> dict[str, Any]:
    """Seconds and peak of the plain loop."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    texts = chosen(load_text_model(name), n_items).texts["en"]
    folder = describe_model(name).folder
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        model(**tokenizer(list(texts[:8]), return_tensors="pt", padding=True), output_hidden_states=True)
        baseline, start = fresh(), time.perf_counter()
        kept, largest = [], 0
        for first in range(0, n_items, BATCH):
            read = tokenizer(list(texts[first : first + BATCH]), return_tensors="pt", padding=True)
            states = model(**read, output_hidden_states=True).hidden_states
            largest = max(largest, sum(state.nbytes for state in states))
            kept.append(torch.stack([state[:, -TOKENS:] for state in states]).numpy())
        seconds = time.perf_counter() - start
    whole = np.concatenate(kept, axis=1)
    signs = whole[(len(whole) - 1) // 2] > 0
    return {
        "seconds": seconds,
        "beyond": status("VmHWM") - baseline,
        "layers_of_a_batch": largest,
        "signs": np.packbits(signs).tobytes().hex(),
    }


def fresh() -> int:
    """Resident memory now, from where the kernel's high-water mark then starts."""
    gc.collect()
    CLEAR.write_text("5")
    return status("VmRSS")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Sentences a second.")
    parser.add_argument("--how", choices=("ours", "plain"), required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    import torch

    torch.set_num_threads(asked.threads)
    print(json.dumps((ours if asked.how == "ours" else plain)(asked.model, asked.items)))


if __name__ == "__main__":
    main()
