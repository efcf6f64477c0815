"""Bits in a store: right, whatever the batches, and whole, however often a run was stopped."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import foretell
from foretell.exceptions import InputError, OptionError, StoreError
from foretell.representations.data.pairs import Pairs
from foretell.representations.data.pictures import Picture
from foretell.representations.extraction import model_run as batching
from foretell.representations.extraction.binarize import Gather
from foretell.representations.extraction.extract import extract
from foretell.representations.extraction.filling import full_chunks
from foretell.representations.extraction.model_run import batches, windows
from foretell.representations.loading.describe_model import describe_model
from foretell.representations.loading.load_model import load_text_model
from foretell.representations.models.base import Reading
from foretell.representations.models.text import TextModel
from foretell.representations.store.health import check_health
from foretell.representations.store.reader import Store, open_store
from foretell.representations.store.recordings import Recording
from foretell.representations.store.storage import Storage
from foretell.representations.store.writer import StoreWriter
from tests.conftest import DemoRun
from tests.representations.models.reference import Activations, disagreement, reference

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
    folder = Path(store.name)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module", autouse=True)
def _small_windows() -> Iterator[None]:
    """Windows of two chunks of 4, so that some are done when a run is stopped."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batching, "_WINDOW_ITEMS", 8)
        yield


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Number of texts in each forward pass."""
    sizes: list[int] = []
    run = TextModel.hidden_states

    def counted(self: TextModel, batch: Sequence[Reading], visit: Any) -> None:
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
    found = list(batches(lengths, 1000))
    assert sorted(item for batch in found for item in batch) == list(range(300))
    for batch in found:
        padded = len(batch) * max(lengths[item] for item in batch)
        assert padded <= 1000
        assert padded - sum(lengths[item] for item in batch) <= 0.2 * padded
    assert list(batches([5000, 3], 1000)) == [[1], [0]]


def test_windows_are_whole_chunks_within_bounds() -> None:
    assert list(windows(7, 4, 1)) == [range(0, 2), range(2, 4), range(4, 6), range(6, 7)]
    assert list(windows(3, 100, 1)) == [range(0, 1), range(1, 2), range(2, 3)]
    assert list(windows(3, 2, 64 * 2**20)) == [range(0, 1), range(1, 2), range(2, 3)]


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

    def write_three(self: StoreWriter, chunk: int, *values: Any) -> None:
        if chunk == 3:
            raise KeyboardInterrupt
        write(self, chunk, *values)

    with monkeypatch.context() as patch:
        patch.setattr(StoreWriter, "write_chunk", write_three)
        with pytest.raises(KeyboardInterrupt):
            extract(tiny_pairs, model=name, **options)
    half = open_store(tmp_path / "left.zarr")
    assert not half.is_complete
    assert half.n_missing == 11
    assert half.space(1).bits(slice(0, 12)).n_items == 12
    with pytest.raises(StoreError, match="items 12 to 15 have no bits"):
        half.space(1).bits()

    passes.clear()
    whole = extract(tiny_pairs, model=name, **options)
    assert sum(passes) == 15  # the window that was begun is made as it would have been, and what it lacked is written
    assert files(whole) == files(store)


KILLED = """
import json, os, signal, sys
from contextlib import contextmanager
import foretell.representations.extraction.model_run as batching
import foretell.representations.store.writer as writer
from foretell.representations.data.pairs import Pairs
from foretell.representations.extraction.extract import extract

values, name, out, when = json.load(sys.stdin), *sys.argv[1:]
usual = writer.StoreWriter._writing
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

@contextmanager
def writing(self):
    with usual(self) as group:
        yield Group(group)

writer.StoreWriter._writing = writing
batching._WINDOW_ITEMS = 8
if when == "creating":
    writer.StoreInfo.to_attrs = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
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
    whole = extract(tiny_pairs, model=model, side="left", out=out, tokens=f"last {T}", chunk_items=4)
    assert sum(passes) == n_left
    assert files(whole) == files(store)
    assert [path.name for path in tmp_path.iterdir()] == ["left.zarr"]


def test_a_complete_store_loads_no_model(
    store: Store, tiny_pairs: Pairs, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch, passes: list[int]
) -> None:
    monkeypatch.setattr("foretell.representations.loading.load_model.load", None)
    again = extract(
        tiny_pairs,
        model=tiny_model_folder,
        side="left",
        out=store.name,
        tokens=f"last {T}",
        chunk_items=4,
    )
    assert again.info == store.info
    assert not passes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"side": "right"}, r"different side, items\)"),
        ({"tokens": "last 5"}, r"different tokens\)"),
        ({"chunk_items": 5}, r"different chunk_items\)"),
    ],
)
def test_another_extraction_at_the_same_place_is_refused(
    store: Store, tiny_pairs: Pairs, model: TextModel, changes: dict[str, Any], message: str
) -> None:
    options: dict[str, Any] = {"side": "left", "tokens": f"last {T}", "chunk_items": 4} | changes
    with pytest.raises(StoreError, match=message):
        extract(tiny_pairs, model=model, out=store.name, **options)


def test_other_items_at_the_same_place_are_refused(store: Store, tiny_pairs: Pairs, model: TextModel) -> None:
    fewer = tiny_pairs.take(range(10))
    with pytest.raises(StoreError, match="different ids, items, groups"):
        extract(fewer, model=model, side="left", out=store.name, tokens=f"last {T}", chunk_items=4)


def test_other_weights_at_the_same_place_are_refused(
    store: Store, tiny_pairs: Pairs, model: TextModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "info", replace(model.info, revision="another"))
    with pytest.raises(StoreError, match="different model revision"):
        extract(tiny_pairs, model=model, side="left", out=store.name, tokens=f"last {T}", chunk_items=4)


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
    (tokens,) = broken.read([tiny_pairs.texts["left"][2]])
    with torch.no_grad():
        broken._model.embed_tokens.weight[int(tokens.values[-1])] = float("nan")
    with pytest.raises(InputError, match="tiny-llama gives NaN or infinity at layer 0 for item 'item/2'"):
        extract(tiny_pairs.take([2]), model=broken, side="left", out=tmp_path / "s", tokens=f"last {T}", chunk_items=4)
    assert open_store(tmp_path / "s").n_missing == 1


def test_items_of_the_wrong_length_are_named(tiny_pairs: Pairs, model: TextModel, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Item 'item/\d+' has \d+ tokens .* select_pairs"):
        extract(tiny_pairs, model=model, side="left", out=tmp_path / "s", tokens="last 30")
    long = replace(tiny_pairs, texts={"left": ("a " * 64,) * len(tiny_pairs)})
    with pytest.raises(InputError, match="more than the 64 that tiny-llama takes"):
        extract(long, model=model, side="left", out=tmp_path / "s", tokens="last 6")
    assert not [path for path in tmp_path.iterdir() if path.is_file() or any(path.iterdir())]


def test_wrong_options(tiny_pairs: Pairs, model: TextModel, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="'left', 'right'"):
        extract(tiny_pairs, model=model, side="middle", out=tmp_path / "s")
    with pytest.raises(OptionError, match="dtype: options of loading a model, and this one is loaded"):
        extract(tiny_pairs, model=model, side="left", out=tmp_path / "s", dtype="bfloat16")
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
    again = open_store(store.name)
    assert (again.ids, again.texts, again.groups) == (ids, texts, pairs.groups)


RECORDINGS = [
    f"last {T}",
    "last 2 before 3",
    "first 3",
    "mean",
    "mean last 4",
    f"last {T}, median",
    f"last {T}, mean at 1 final",
    "mean, projection 7 seed 5",
    "last 2, projection",
    "last 2, 2bit",
    "last 2, full at 1",
]


@pytest.fixture(scope="module")
def rich(tiny_pairs: Pairs, model: TextModel, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Everything at once, of one run of the model."""
    out = tmp_path_factory.mktemp("rich") / "left.zarr"
    return extract(tiny_pairs, model=model, side="left", out=out, tokens=RECORDINGS, chunk_items=4)


@pytest.fixture(scope="module")
def whole(tiny_pairs: Pairs, tiny_model_folder: Path) -> list[Activations]:
    """For each item, activations of all its real tokens."""
    texts = tiny_pairs.texts["left"]
    return [reference(tiny_model_folder, (text,), len(text.split())) for text in texts]


def bits_of(store: Store, layer: str, *arguments: Any, **options: Any) -> Any:
    return store.space(layer, *arguments, **options).bits().unpack()


def agree(bits: Any, numbers: Any, *, least: float = 0.99) -> None:
    """Bits are the signs of numbers, but for those near to 0."""
    sure = np.abs(numbers) > 1e-4 * np.median(np.abs(numbers))
    assert bits.shape == numbers.shape
    assert (bits == (numbers > 0))[sure].all()
    assert sure.mean() > least


def test_every_recording_is_what_it_says(rich: Store, whole: list[Activations]) -> None:
    for layer in ("0", "1", "final"):
        items = [item[layer][0].astype(np.float64) for item in whole]
        last = np.stack([item[-T:] for item in items])
        mean = np.stack([item.mean(axis=0, keepdims=True) for item in items])
        agree(bits_of(rich, layer), last)
        agree(bits_of(rich, layer, "last 3"), last[:, -3:])
        agree(bits_of(rich, layer, "last 2 before 3"), last[:, -5:-3])
        agree(bits_of(rich, layer, "first 2"), np.stack([item[:2] for item in items]))
        agree(bits_of(rich, layer, "mean"), mean)
        agree(bits_of(rich, layer, "first"), np.stack([item[:1] for item in items]))
        agree(bits_of(rich, layer, "mean last 4"), last[:, -4:].mean(axis=1, keepdims=True))
        agree(
            bits_of(rich, layer, f"last {T}, median"), last - np.median(last, axis=0), least=0.8
        )  # one item is the median
        agree(bits_of(rich, layer, "last 2, median"), (last - np.median(last, axis=0))[:, -2:], least=0.8)
        directions = np.random.default_rng([5, 20]).standard_normal((20, 7), dtype="float32")
        agree(bits_of(rich, layer, "mean, projection 7 seed 5"), mean @ directions)
        square = np.random.default_rng([0, 20]).standard_normal((20, 20), dtype="float32")
        agree(bits_of(rich, layer, "last 2, projection"), last[:, -2:] @ square)
        t = np.sort(np.abs(last[:, -2:]), axis=-1)[..., [9]]  # the lower median of 20
        levels = bits_of(rich, layer, "last 2, 2bit")
        x = np.concatenate([last[:, -2:] + t, last[:, -2:] - t], axis=-1)
        sure = np.abs(x) > 1e-4
        assert (levels == (x > 0))[sure].all()
        assert sure.mean() > 0.9
    for layer in ("1", "final"):
        items = [item[layer][0].astype(np.float64) for item in whole]
        last = np.stack([item[-T:] for item in items])
        agree(bits_of(rich, layer, f"last {T}, mean"), last - last.mean(axis=0))
    with pytest.raises(OptionError, match="has no 'last 6, mean' of layer 0"):
        rich.space("0", "last 6, mean")


def test_full_precision_is_clipped_and_scaled(rich: Store, whole: list[Activations]) -> None:
    points = rich.points(1).points()
    last = np.stack([item["1"][0, -2:].ravel() for item in whole]).astype(np.float64)
    low, high = np.quantile(last, (0.05, 0.95), axis=1, keepdims=True)
    clipped = np.clip(last, low, high)
    np.testing.assert_allclose(points, clipped / np.linalg.norm(clipped, axis=1, keepdims=True), atol=1e-5)
    with pytest.raises(OptionError, match="has no 'numbers' of layer 2"):
        rich.points(2)
    ii = foretell.information_imbalance(rich.points(1), rich.points(1, "last 1"), metric="euclidean")
    assert 0 < ii.a_to_b < 0.5


def test_numbers_that_bits_were_made_of_are_gone(rich: Store) -> None:
    assert rich.is_complete
    assert not rich.waiting
    assert not (Path(rich.name) / "numbers").exists() or not list((Path(rich.name) / "numbers").rglob("c"))


@pytest.mark.parametrize("out", ["{}/s", "memory://{}/s"])
def test_numbers_whose_deletion_was_stopped_are_gone_after_the_same_call(
    tiny_pairs: Pairs, model: TextModel, tmp_path: Path, out: str
) -> None:
    """What describes an array goes before its last chunks, and would no longer tell of them."""
    options: dict[str, Any] = {"side": "left", "out": out.format(tmp_path), "tokens": RECORDINGS, "chunk_items": 4}
    store = extract(tiny_pairs, model=model, **options)
    whole = Storage(store.name, read_only=True).keys("")
    waited = next(number for number, kept in enumerate(store.info.kept) if kept.recording.needs_all_items)
    Storage(store.name, read_only=False).write(f"numbers/{waited}/2/c/1/0/0", b"left over")
    assert not open_store(store.name).is_tidy
    assert extract(tiny_pairs, model=model, **options).is_tidy
    assert Storage(store.name, read_only=True).keys("") == whole


def test_a_run_stopped_while_bits_waited_is_completed(
    rich: Store, tiny_pairs: Pairs, model: TextModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"side": "left", "out": tmp_path / "s", "tokens": RECORDINGS, "chunk_items": 4}
    write = StoreWriter.write_layer

    def stopped(self: StoreWriter, number: int, layer: str, bits: Any) -> None:
        if layer == "2":
            raise KeyboardInterrupt
        write(self, number, layer, bits)

    with monkeypatch.context() as patch:
        patch.setattr(StoreWriter, "write_layer", stopped)
        with pytest.raises(KeyboardInterrupt):
            extract(tiny_pairs, model=model, **options)
    half = open_store(tmp_path / "s")
    assert half.committed.all()
    assert not half.is_complete
    with pytest.raises(StoreError, match="wait for all items"):
        half.space(1, RECORDINGS[5]).bits()
    assert check_health(half).problems[-2:] == tuple(
        f"bits of {kept!r} are not made yet: run the same extract again" for kept in RECORDINGS[5:7]
    )
    assert files(extract(tiny_pairs, model=model, **options)) == files(rich)


def test_what_is_near_zero_is_counted(rich: Store, whole: list[Activations]) -> None:
    share = rich.info.near_zero
    assert share == 1e-4
    for layer in ("0", "1", "final"):
        last = np.stack([item[layer][0, -T:] for item in whole])
        floor = share * np.sqrt((last**2).mean(axis=-1, keepdims=True))
        counted = int(rich.near_zero[rich.layers.index(layer)])
        assert abs(counted - int((np.abs(last) <= floor).sum())) <= 2


def test_repair_makes_damaged_chunks_anew(
    store: Store, tiny_pairs: Pairs, model: TextModel, tmp_path: Path, passes: list[int]
) -> None:
    options: dict[str, Any] = {"side": "left", "out": tmp_path / "s", "tokens": f"last {T}", "chunk_items": 4}
    extract(tiny_pairs, model=model, **options)
    (tmp_path / "s" / "bits" / "0" / "2" / "c" / "3" / "0" / "0").write_bytes(b"rubbish")
    (tmp_path / "s" / "bits" / "0" / "0" / "c" / "0" / "0" / "0").unlink()
    passes.clear()
    damaged = extract(tiny_pairs, model=model, **options)
    assert not passes
    assert len(list(damaged.damaged())) == 2
    repaired = extract(tiny_pairs, model=model, repair=True, **options)
    assert sum(passes) == 16  # of two windows
    assert list(repaired.damaged()) == []
    assert files(repaired) == files(store)


def test_stores_behind_a_url(store: Store, tiny_pairs: Pairs, model: TextModel) -> None:
    fsspec = pytest.importorskip("fsspec")
    out = "memory://extraction/left.zarr"
    there = extract(tiny_pairs, model=model, side="left", out=out, tokens=f"last {T}", chunk_items=4)
    assert there.is_complete
    for layer in store.layers:
        assert (there.space(layer).bits().data == store.space(layer).bits().data).all()
    with pytest.raises(StoreError, match="different tokens"):
        extract(tiny_pairs, model=model, side="left", out=out, tokens="last 2", chunk_items=4)
    assert not [key for key in fsspec.filesystem("memory").find("/extraction") if key.endswith(".lock")]


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ("all", "different numbers of them"),
        ("class", "models with a class token"),
        ("last 6, sines", "'sign', 'median'"),
        ("last 6, sign 3", "only a projection"),
        ("last 6 at 9", "'0', '1', '2', '3', 'final'"),
        (["last 2", "last 2"], "one twice"),
        ([], "none"),
        ("last 6, median, mean", "is not understood"),
    ],
)
def test_tokens_that_cannot_be(tiny_pairs: Pairs, model: TextModel, tmp_path: Path, tokens: Any, message: str) -> None:
    with pytest.raises((OptionError, InputError), match=message):
        extract(tiny_pairs, model=model, side="left", out=tmp_path / "s", tokens=tokens)


@pytest.mark.parametrize("text", RECORDINGS)
def test_recordings_are_read_as_written(text: str) -> None:
    assert str(Recording.parse(text)) == text
    assert Recording.parse(Recording.parse(text)) == Recording.parse(text)


@pytest.mark.parametrize(("n_items", "chunk"), [(1, 1), (64, 64), (65, 33), (160, 54), (900, 60), (1000, 63)])
def test_by_default_chunks_are_full(n_items: int, chunk: int) -> None:
    assert full_chunks(n_items) == chunk
    assert -(-n_items // chunk) * chunk <= 1.03 * n_items + 1


REAL = """
import sys
import foretell.representations.extraction.model_run as batching
from foretell.representations.loading.load_pairs import load_pairs
from foretell.representations.extraction.extract import extract
from foretell.representations.loading.text_loading import load_text_model
from foretell.representations.extraction.selection import select_pairs

batching._WINDOW_ITEMS = 8
model = load_text_model("smollm2-135m")
pairs = select_pairs(load_pairs("home-assistant", ["en", "es"]), models=[model], n_items=40)
print("ready", flush=True)
extract(pairs, model=model, side="en", out=sys.argv[1], chunk_items=4)
print("done", flush=True)
"""


@pytest.mark.slow
@pytest.mark.model
def test_kills_at_random_moments_change_no_byte(tmp_path: Path, demo_run: DemoRun) -> None:
    """A real extraction, killed ten times while it works: the next call gives the undisturbed store, file for file."""

    def started(out: Path) -> subprocess.Popen[str]:
        process = subprocess.Popen([sys.executable, "-c", REAL, str(out)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    def ended(process: subprocess.Popen[str]) -> int:
        process.communicate()  # waits, and closes its pipe
        return process.returncode

    begin = time.monotonic()
    assert ended(started(tmp_path / "undisturbed")) == 0
    duration = time.monotonic() - begin
    undisturbed = open_store(tmp_path / "undisturbed")
    assert undisturbed.is_complete
    rng = np.random.default_rng(0)
    found = []
    for number in range(10):
        out = tmp_path / f"killed {number}"
        process = started(out)
        time.sleep(rng.uniform(0, 0.5 * duration))
        process.kill()
        ended(process)
        if out.exists() and (out / "zarr.json").exists():
            found.append(json.loads((out / "zarr.json").read_text())["attributes"].get("creating", False))
            if not found[-1]:
                found[-1] = open_store(out).n_missing
        assert ended(started(out)) == 0
        assert files(open_store(out)) == files(undisturbed)
        assert not list(tmp_path.glob(".*"))
    # Some kills fell into the work itself.
    assert any(0 < missing < 40 for missing in found if missing is not True)


MIXED = [f"last {T}", f"last {T}, median"]


def test_repair_beside_bits_that_waited(tiny_pairs: Pairs, model: TextModel, tmp_path: Path, passes: list[int]) -> None:
    options: dict[str, Any] = {"side": "left", "out": tmp_path / "s", "tokens": MIXED, "chunk_items": 4}
    before = files(extract(tiny_pairs, model=model, **options))
    (tmp_path / "s" / "bits" / "0" / "2" / "c" / "3" / "0" / "0").write_bytes(b"rubbish")
    passes.clear()
    assert files(extract(tiny_pairs, model=model, repair=True, **options)) == before
    assert sum(passes) == 8
    (tmp_path / "s" / "committed" / "c" / "0").unlink()
    assert files(extract(tiny_pairs, model=model, **options)) == before
    # Bits that were made of all items cannot be made anew alone: nothing is touched.
    (tmp_path / "s" / "bits" / "0" / "2" / "c" / "3" / "0" / "0").write_bytes(b"rubbish")
    (tmp_path / "s" / "bits" / "1" / "2" / "c" / "1" / "0" / "0").write_bytes(b"rubbish")
    with pytest.raises(StoreError, match="made of all items at once: delete the store"):
        extract(tiny_pairs, model=model, repair=True, **options)
    assert open_store(tmp_path / "s").committed.all()
    with pytest.raises(StoreError, match="delete the store"):
        open_store(tmp_path / "s").space(2, MIXED[1]).bits()


def test_damaged_numbers_make_no_bits(
    tiny_pairs: Pairs, model: TextModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"side": "left", "out": tmp_path / "s", "tokens": MIXED, "chunk_items": 4}
    whole = files(extract(tiny_pairs, model=model, **(options | {"out": tmp_path / "whole"})))
    with monkeypatch.context() as patch:
        patch.setattr("foretell.representations.extraction.filling._binarize_waiting", lambda *_: None)
        extract(tiny_pairs, model=model, **options)
    (tmp_path / "s" / "numbers" / "1" / "2" / "c" / "3" / "0" / "0").unlink()
    with pytest.raises(StoreError, match=r"layer 2, items 12 to 15 \(its file is gone\); the same extract with repair"):
        extract(tiny_pairs, model=model, **options)
    assert files(extract(tiny_pairs, model=model, repair=True, **options)) == whole


def test_what_a_killed_writer_leaves_is_cleared(tiny_pairs: Pairs, model: TextModel, tmp_path: Path) -> None:
    options: dict[str, Any] = {"side": "left", "out": tmp_path / "s", "tokens": MIXED, "chunk_items": 4}
    whole = files(extract(tiny_pairs, model=model, **options))
    left = tmp_path / "s" / "numbers" / "1" / "2"
    left.mkdir(parents=True)
    (left / "zarr.json").write_text("{}")
    (tmp_path / "s" / "bits" / "0" / "zarr.1f.partial").write_text("half")
    assert files(extract(tiny_pairs, model=model, **options)) == whole
    # Nothing but a file half written: as good as empty.
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "zarr.1f.partial").write_text("half")
    assert files(extract(tiny_pairs, model=model, **(options | {"out": tmp_path / "t"}))) == whole


def test_a_side_that_the_model_does_not_read(tiny_pairs: Pairs, model: TextModel, tmp_path: Path) -> None:
    pictures = replace(tiny_pairs, pictures={"seen": tuple(Picture(item, b"") for item in tiny_pairs.ids)})
    with pytest.raises(OptionError, match=r"tiny-llama reads texts and side 'seen' is of images: .* modality='image'"):
        extract(pictures, model=model, side="seen", out=tmp_path / "s")


def test_a_mean_does_not_look_at_other_positions() -> None:
    import torch

    batch = [Reading(np.zeros(n), n, np.arange(1, n)) for n in (3, 5)]
    hidden = torch.ones(2, 5, 4)
    hidden[:, 0] = torch.inf
    assert torch.equal(Gather(Recording.parse("mean"), batch)(hidden), torch.ones(2, 1, 4))
