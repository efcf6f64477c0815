"""Bits in a store: right, whatever the batches, and whole, however often a run was stopped."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from foretell.exceptions import InputError, OptionError, StoreError
from foretell.representations.data import Pairs
from foretell.representations.extraction import _batches, extract
from foretell.representations.models import TextModel, Tokens, describe_model, load_text_model
from foretell.representations.store import Store, StoreWriter, open_store
from tests.conftest import DemoRun
from tests.representations.reference import Activations, disagreement, reference

pytest.importorskip("torch")

T = 6


@pytest.fixture(scope="module")
def model(tiny_model_folder: Path) -> TextModel:
    return load_text_model(str(tiny_model_folder))


@pytest.fixture(scope="module")
def store(tiny_pairs: Pairs, model: TextModel, tmp_path_factory: pytest.TempPathFactory) -> Store:
    out = tmp_path_factory.mktemp("stores") / "left.zarr"
    return extract(tiny_pairs, model=model, side="left", out=out, tokens=f"last {T}", chunk_items=4)


@pytest.fixture(scope="module")
def expected(tiny_pairs: Pairs, tiny_model_folder: Path) -> Activations:
    return reference(tiny_model_folder, tiny_pairs.texts["left"], T)


def files(store: Store) -> dict[str, bytes]:
    return {str(path.relative_to(store.path)): path.read_bytes() for path in store.path.rglob("*") if path.is_file()}


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Number of texts in each forward pass."""
    sizes: list[int] = []
    run = TextModel.hidden_states

    def counted(self: TextModel, batch: Sequence[Tokens], visit: Any) -> None:
        sizes.append(len(batch))
        run(self, batch, visit)

    monkeypatch.setattr(TextModel, "hidden_states", counted)
    return sizes


def test_bits_are_the_signs_of_the_reference(store: Store, expected: Activations) -> None:
    assert list(expected) == ["0", "1", "2", "final"]
    for layer, activations in expected.items():
        of_all, surely = disagreement(store.space(layer).bits(), activations)
        assert surely == 0
        assert of_all < 1e-3


def test_the_comparison_sees_planted_errors(
    store: Store, expected: Activations, tiny_model_folder: Path, tiny_pairs: Pairs
) -> None:
    texts = tiny_pairs.texts["left"]
    late = [row for row, text in enumerate(texts) if len(text.split()) > T]
    one_token_off = reference(tiny_model_folder, tuple(texts[row] for row in late), T, shift=1)
    for layer, activations in one_token_off.items():
        assert disagreement(store.space(layer).bits(np.array(late)), activations)[1] > 0.1
    for number in (0, 1):
        assert disagreement(store.space(number).bits(), expected[str(number + 1)])[1] > 0.1


@pytest.mark.model
def test_bits_of_the_real_model_are_the_signs_of_the_reference(demo_run: DemoRun) -> None:
    n_items = 8
    folder = describe_model("smollm2-135m").folder
    # Two sorts of texts: the longest, and the first, so that lengths and batches differ.
    rows = np.unique(np.r_[np.arange(n_items // 2), np.argsort(demo_run.en.token_counts)[-n_items // 2 :]])
    texts = tuple(demo_run.en.texts[row] for row in rows)
    expected = reference(folder, texts, 20)
    assert len(expected) == 31
    shares = [disagreement(demo_run.en.space(layer).bits(rows), activations) for layer, activations in expected.items()]
    assert max(surely for _, surely in shares) == 0
    assert np.mean([of_all for of_all, _ in shares]) < 1e-5
    for number in range(29):
        shifted = disagreement(demo_run.en.space(number).bits(rows), expected[str(number + 1)])
        assert shifted[1] > 0.05


@pytest.mark.model
def test_the_real_stores_are_whole(demo_run: DemoRun) -> None:
    en, es = demo_run.en, demo_run.es
    assert en.ids == es.ids
    assert en.groups == es.groups == tuple(item.split("/")[0] for item in en.ids)
    assert en.texts != es.texts
    assert en.is_complete
    assert en.layers == (*map(str, range(31)), "final")
    assert en.space("final").bits().unpack().shape == (60, 20, 576)
    assert en.token_counts.min() >= 20


@pytest.mark.parametrize(("batch_tokens", "chunk_items"), [(1, 4), (4096, 64), (60, 23), (10**9, 5)])
def test_bits_do_not_depend_on_batches_or_chunks(
    store: Store,
    expected: Activations,
    tiny_pairs: Pairs,
    model: TextModel,
    tmp_path: Path,
    batch_tokens: int,
    chunk_items: int,
) -> None:
    other = extract(
        tiny_pairs,
        model=model,
        side="left",
        out=tmp_path / "s",
        tokens=f"last {T}",
        batch_tokens=batch_tokens,
        chunk_items=chunk_items,
    )
    assert other.ids == store.ids
    for layer, activations in expected.items():
        assert disagreement(other.space(layer).bits(), activations)[1] == 0
    # The last block's output is not in the reference, but its signs are those after the tiny model's norm.
    assert (other.space(3).bits().data == other.space("final").bits().data).all()


def test_batches_hold_every_item_once_within_budget_and_little_padding() -> None:
    lengths = np.random.default_rng(0).integers(1, 200, 300).tolist()
    batches = list(_batches(lengths, 1000))
    assert sorted(item for batch in batches for item in batch) == list(range(300))
    for batch in batches:
        padded = len(batch) * max(lengths[item] for item in batch)
        assert padded <= 1000
        assert padded - sum(lengths[item] for item in batch) <= 0.2 * padded
    assert list(_batches([5000, 3], 1000)) == [[1], [0]]


def test_a_stopped_run_is_completed_by_the_same_call(
    store: Store,
    tiny_pairs: Pairs,
    tiny_model_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    passes: list[int],
) -> None:
    name = str(tiny_model_folder)
    options: dict[str, Any] = {"side": "left", "out": tmp_path / "left.zarr", "tokens": f"last {T}", "chunk_items": 4}
    write = StoreWriter.write_chunk

    def write_two(self: StoreWriter, chunk: int, bits: Any) -> None:
        if chunk == 2:
            raise KeyboardInterrupt
        write(self, chunk, bits)

    with monkeypatch.context() as patch:
        patch.setattr(StoreWriter, "write_chunk", write_two)
        with pytest.raises(KeyboardInterrupt):
            extract(tiny_pairs, model=name, **options)
    half = open_store(tmp_path / "left.zarr")
    assert not half.is_complete
    assert half.n_missing == 15
    assert half.space(1).bits(slice(0, 8)).n_items == 8
    with pytest.raises(StoreError, match="items 8 to 11 have no bits"):
        half.space(1).bits()

    passes.clear()
    whole = extract(tiny_pairs, model=name, **options)
    probe, *work = passes
    assert probe == 1  # made at loading
    assert sum(work) == 15
    assert files(whole) == files(store)


KILLED = """
import json, os, signal, sys
import foretell.representations.store.writer as writer
from foretell.representations.data import Pairs
from foretell.representations.extraction import extract

values, name, out, when = json.load(sys.stdin), *sys.argv[1:]
require = writer.require
calls = 0

class Group:
    '''A group whose commit of the third chunk kills the process, with the bits already written.'''
    def __init__(self, group): self.group = group
    def __getitem__(self, array):
        global calls
        calls += array == "committed"
        if when == "writing" and calls == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.group[array]

class Zarr:
    def __getattr__(self, attribute): return getattr(require("zarr", "studies"), attribute)
    def open_group(self, **options): return Group(require("zarr", "studies").open_group(**options))

writer.require = lambda module, extra: Zarr() if module == "zarr" else require(module, extra)
if when == "creating":
    writer.os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
extract(Pairs(**values), model=name, side="left", out=out, tokens="last 6", chunk_items=4)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("when", "n_left"), [("writing", 15), ("creating", 23)])
def test_a_killed_run_is_completed_by_the_same_call(
    store: Store,
    tiny_pairs: Pairs,
    tiny_model_folder: Path,
    model: TextModel,
    tmp_path: Path,
    passes: list[int],
    when: str,
    n_left: int,
) -> None:
    out = tmp_path / "left.zarr"
    values = {
        "name": tiny_pairs.name,
        "texts": dict(tiny_pairs.texts),
        "ids": tiny_pairs.ids,
        "groups": tiny_pairs.groups,
        "licence": tiny_pairs.licence,
        "source": tiny_pairs.source,
    }
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tiny_model_folder), str(out), when],
        input=json.dumps(values),
        text=True,
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert out.exists() == (when == "writing")
    whole = extract(tiny_pairs, model=model, side="left", out=out, tokens=f"last {T}", chunk_items=4)
    assert sum(passes) == n_left
    assert files(whole) == files(store)
    assert [path.name for path in tmp_path.iterdir()] == ["left.zarr"]


def test_a_complete_store_loads_no_model(
    store: Store, tiny_pairs: Pairs, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch, passes: list[int]
) -> None:
    monkeypatch.setattr("foretell.representations.extraction.load_text_model", None)
    again = extract(
        tiny_pairs,
        model=str(tiny_model_folder),
        side="left",
        out=store.path,
        tokens=f"last {T}",
        chunk_items=4,
    )
    assert again.info == store.info
    assert not passes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"side": "right"}, r"different side, texts\)"),
        ({"tokens": "last 5"}, r"different tokens\)"),
        ({"chunk_items": 5}, r"different chunk_items\)"),
    ],
)
def test_another_extraction_at_the_same_place_is_refused(
    store: Store, tiny_pairs: Pairs, model: TextModel, changes: dict[str, Any], message: str
) -> None:
    options: dict[str, Any] = {"side": "left", "tokens": f"last {T}", "chunk_items": 4} | changes
    with pytest.raises(StoreError, match=message):
        extract(tiny_pairs, model=model, out=store.path, **options)


def test_other_items_at_the_same_place_are_refused(store: Store, tiny_pairs: Pairs, model: TextModel) -> None:
    fewer = tiny_pairs.take(range(10))
    with pytest.raises(StoreError, match="different ids, texts, groups"):
        extract(fewer, model=model, side="left", out=store.path, tokens=f"last {T}", chunk_items=4)


def test_other_weights_at_the_same_place_are_refused(
    store: Store, tiny_pairs: Pairs, model: TextModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "info", replace(model.info, revision="another"))
    with pytest.raises(StoreError, match="different model revision"):
        extract(tiny_pairs, model=model, side="left", out=store.path, tokens=f"last {T}", chunk_items=4)


def test_something_else_at_the_place_is_left_alone(tiny_pairs: Pairs, model: TextModel, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(StoreError, match="not a foretell store"):
        extract(tiny_pairs, model=model, side="left", out=tmp_path, tokens="last 6")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_non_finite_activations_name_model_layer_and_item(
    tiny_pairs: Pairs, tiny_model_folder: Path, tmp_path: Path
) -> None:
    import torch

    broken = load_text_model(str(tiny_model_folder))
    (tokens,) = broken.tokenize([tiny_pairs.texts["left"][2]])
    with torch.no_grad():
        broken._model.embed_tokens.weight[int(tokens.ids[-1])] = float("nan")
    with pytest.raises(InputError, match="tiny-llama gives NaN or infinity at layer 0 for item 'item/2'"):
        extract(tiny_pairs.take([2]), model=broken, side="left", out=tmp_path / "s", tokens=f"last {T}", chunk_items=4)
    assert open_store(tmp_path / "s").n_missing == 1


def test_items_of_the_wrong_length_are_named(tiny_pairs: Pairs, model: TextModel, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Item 'item/\d+' has \d+ tokens .* select_pairs"):
        extract(tiny_pairs, model=model, side="left", out=tmp_path / "s", tokens="last 30")
    long = replace(tiny_pairs, texts={"left": ("a " * 64,) * len(tiny_pairs)})
    with pytest.raises(InputError, match="more than the 64 that tiny-llama takes"):
        extract(long, model=model, side="left", out=tmp_path / "s", tokens="last 6")
    assert not list(tmp_path.iterdir())


def test_wrong_options(tiny_pairs: Pairs, model: TextModel, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="'left', 'right'"):
        extract(tiny_pairs, model=model, side="middle", out=tmp_path / "s")
    with pytest.raises(OptionError, match="batch_tokens=0"):
        extract(tiny_pairs, model=model, side="left", out=tmp_path / "s", batch_tokens=0)


def test_progress_is_drawn_on_standard_error(
    tiny_pairs: Pairs, model: TextModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    extract(tiny_pairs, model=model, side="left", out=tmp_path / "s", tokens=f"last {T}", progress=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "23/23" in captured.err
    assert "items/s" in captured.err
    assert re.search(r"\d:\d\d:\d\d", captured.err)  # time left


def test_any_text_survives(model: TextModel, tmp_path: Path) -> None:
    texts = (
        "the 🐕‍🦺 sees Ünïcode",
        "日本語 の テキスト です",
        "a\tb \u0000 c\nd",
        "עברית 'quoted' \"twice\" \u2028 x",
    )
    ids = ("naïve/ключ", "🙂", "a\nb", "x y")
    pairs = Pairs("odd", {"left": texts}, ids, ("ג", "ג", "b", "🙂"), "CC0-1.0", "made by the tests")
    store = extract(pairs, model=model, side="left", out=tmp_path / "odd name 🙂.zarr", tokens="last 2")
    again = open_store(store.path)
    assert (again.ids, again.texts, again.groups) == (ids, texts, pairs.groups)
