"""Activations from files: the bits that numpy makes of them, for the items that the ids say, or an error."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import foretell
from foretell.cli.commands.prompts import write_prompts
from foretell.exceptions import ForetellError, InputError, OptionError, StoreError
from foretell.representations.data.pairs import Pairs
from foretell.representations.extraction.binarize import kept_of_array, kept_values, n_near_zero, n_near_zero_of_array
from foretell.representations.imported import import_activations
from foretell.representations.imported.array_files import open_arrays
from foretell.representations.imported.layer_arrays import layer_name
from foretell.representations.store.format import Kept
from foretell.representations.store.reader import Store
from foretell.representations.store.recordings import Recording

N, H, L, T = 11, 21, 4, 3
PAD, BOS = 0, 1

Array = np.ndarray[Any, np.dtype[Any]]


@pytest.fixture
def pairs() -> Pairs:
    return Pairs(
        name="made",
        texts={"left": tuple(f"text {i}" for i in range(N)), "right": tuple(f"texte {i}" for i in range(N))},
        ids=tuple(f"item/{i}" for i in range(N)),
        groups=tuple(f"group {i // 3}" for i in range(N)),
        licence="CC0-1.0",
        source="here",
    )


@pytest.fixture
def x() -> Array:
    """Activations of shape (layers, items, tokens, H), some of them 0."""
    made = np.random.default_rng(0).standard_normal((L, N, T, H)).astype(np.float32)
    made[:, :, :, 3] = 0
    return made


def bf16(x: Array) -> Array:
    """The upper halves of 32-bit floats."""
    return (np.ascontiguousarray(x, np.float32).view(np.uint32) >> np.uint32(16)).astype(np.uint16)


def save_safetensors(path: Path, arrays: dict[str, Array], *, said: dict[str, str] | None = None) -> None:
    """By the format's description, bfloat16 being 16-bit whole numbers here."""
    kinds = {"float32": "F32", "float16": "F16", "uint16": "BF16", "int64": "I64", "float64": "F64"}
    header: dict[str, Any] = {} if said is None else {"__metadata__": said}
    data = b""
    for name, array in arrays.items():
        piece = np.ascontiguousarray(array).tobytes()
        offsets = [len(data), len(data) + len(piece)]
        header[name] = {"dtype": kinds[array.dtype.name], "shape": list(array.shape), "data_offsets": offsets}
        data += piece
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def save_requests(folder: Path, x: Array, ids: Sequence[str], *, special: int = 1) -> dict[str, str]:
    """Files as the connector writes them, of items of growing length: what they are of by name."""
    folder.mkdir()
    named = {}
    for item, name in enumerate(ids):
        n_before = item % 3  # tokens of the text before the last T
        states = np.random.default_rng(item).standard_normal((special + n_before + T, L, H)).astype(np.float32)
        states[special + n_before :] = np.moveaxis(x[:, item], 0, 1)
        token_ids = np.r_[[BOS] * special, np.arange(n_before + T) + 10].astype(np.int64)
        save_safetensors(folder / f"req-{item}.safetensors", {"hidden_states": bf16(states), "token_ids": token_ids})
        (folder / f"req-{item}.safetensors.lock").touch()
        named[f"req-{item}.safetensors"] = name
    return named


def bits_of(store: Store, layer: str, **options: Any) -> Array:
    return np.asarray(store.space(layer, **options).bits().unpack())


def imports(source: Any, pairs: Pairs, out: Path, **options: Any) -> Any:
    return foretell.import_activations(
        source, pairs=pairs, side="left", out=out, model_id="made", **{"tokens": f"last {T}", **options}
    )


def save_layers(folder: Path, x: Array, kind: str) -> None:
    folder.mkdir(exist_ok=True)
    for layer, of_layer in enumerate(x):
        if kind == "npy":
            np.save(folder / f"{layer}.npy", of_layer)
        elif kind == "npz":
            np.savez_compressed(folder / f"layer_{layer}.npz", states=of_layer)
        else:
            save_safetensors(
                folder / f"layer-{layer}.safetensors", {"x": bf16(of_layer) if kind == "bf16" else of_layer}
            )


@pytest.mark.parametrize("kind", ["npy", "npz", "safetensors", "bf16"])
def test_a_folder_with_a_file_a_layer(kind: str, x: Array, pairs: Pairs, tmp_path: Path) -> None:
    save_layers(tmp_path / "in", x, kind)
    (tmp_path / "in" / "ids.txt").write_text("\n".join(pairs.ids) + "\n")
    store = imports(tmp_path / "in", pairs, tmp_path / "out.zarr", chunk_items=4)
    assert store.layers == ("0", "1", "2", "3")
    assert (store.info.n_blocks, store.info.dtype) == (3, "bfloat16" if kind == "bf16" else "float32")
    assert (store.ids, store.groups, store.texts) == (pairs.ids, pairs.groups, pairs.texts["left"])
    assert store.token_counts.tolist() == [T] * N
    for layer in range(L):
        np.testing.assert_array_equal(bits_of(store, str(layer)), x[layer] > 0)
    near = (np.abs(x) <= store.info.near_zero * np.sqrt((x**2).mean(-1, keepdims=True))).sum((1, 2, 3))
    np.testing.assert_allclose(store.near_zero, near, atol=3 if kind == "bf16" else 0)
    assert list(store.damaged()) == []


@pytest.mark.parametrize("compressed", [False, True])
def test_one_npz_with_its_ids_in_another_order(compressed: bool, x: Array, pairs: Pairs, tmp_path: Path) -> None:
    order = np.random.default_rng(1).permutation(N)
    save = np.savez_compressed if compressed else np.savez
    layers = {f"layer{layer}": np.asfortranarray(x[layer][order]) for layer in (3, 2)}
    save(tmp_path / "all.npz", ids=np.array(pairs.ids)[order], **layers)  # type: ignore[arg-type]
    store = imports(tmp_path / "all.npz", pairs, tmp_path / "out.zarr", n_blocks=5)
    assert store.layers == ("2", "3")
    assert store.space("2").relative_depth == pytest.approx(0.4)
    np.testing.assert_array_equal(bits_of(store, "2"), x[2] > 0)


def test_one_safetensors_with_ids_in_its_metadata_and_final_last(x: Array, pairs: Pairs, tmp_path: Path) -> None:
    path = tmp_path / "all.safetensors"
    said = {"ids": json.dumps(pairs.ids)}
    save_safetensors(path, {"final": x[3], "0": x[0].astype(np.float16), "1": x[1]}, said=said)
    with pytest.raises(InputError, match=r"is float16 and .* is float32"):
        imports(path, pairs, tmp_path / "out.zarr")
    save_safetensors(path, {"final": x[3], "0": x[0], "1": x[1]}, said=said)
    store = imports(path, pairs, tmp_path / "out.zarr")
    assert store.layers == ("0", "1", "final")
    assert store.info.n_blocks == 1
    np.testing.assert_array_equal(bits_of(store, "final"), x[3] > 0)


def test_arrays_of_one_token_an_item_and_a_mapping_of_files(x: Array, pairs: Pairs, tmp_path: Path) -> None:
    for name, layer in (("a", 1), ("b", 2)):
        np.save(tmp_path / f"{name}.npy", x[layer, :, 0].astype(np.float64))
    (tmp_path / "ids.json").write_text(json.dumps(pairs.ids))
    options: dict[str, Any] = {"ids": tmp_path / "ids.json", "n_blocks": 2}
    source = {"1": tmp_path / "a.npy", "2": tmp_path / "b.npy"}
    with pytest.raises(InputError, match=r"has 1 tokens, too few for tokens='last 3'"):
        imports(source, pairs, tmp_path / "out.zarr", **options)
    store = imports(source, pairs, tmp_path / "out.zarr", tokens="last 1", **options)
    np.testing.assert_array_equal(bits_of(store, "2"), x[2][:, :1] > 0)
    swapped = {"2": tmp_path / "a.npy", "1": tmp_path / "b.npy"}
    with pytest.raises(StoreError, match="different model revision"):
        imports(swapped, pairs, tmp_path / "out.zarr", tokens="last 1", **options)


def test_ragged_arrays_without_their_special_tokens(x: Array, pairs: Pairs, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    lengths = rng.integers(0, 4, N)
    states: list[Array] = []
    token_ids: list[int] = []
    for item in range(N):
        before = rng.standard_normal((L, 1 + lengths[item], H))
        end = rng.standard_normal((L, 1, H))  # a special token after the text
        states.append(np.concatenate([before, x[:, item], end], axis=1))
        token_ids += [BOS, *[7] * (lengths[item] + T), PAD]
    offsets = np.r_[0, np.cumsum([one.shape[1] for one in states])]
    folder = tmp_path / "in"
    save_layers(folder, np.concatenate(states, axis=1).astype(np.float32), "bf16")
    np.save(folder / "offsets.npy", offsets)
    options: dict[str, Any] = {"ids": pairs.ids, "special_token_ids": [PAD, BOS]}
    with pytest.raises(OptionError, match="needs token_ids"):
        imports(folder, pairs, tmp_path / "out.zarr", **options)
    np.save(folder / "token_ids.npy", np.array(token_ids))
    store = imports(folder, pairs, tmp_path / "out.zarr", **options)
    assert store.token_counts.tolist() == (lengths + T).tolist()
    for layer in range(L):
        np.testing.assert_array_equal(bits_of(store, str(layer)), x[layer] > 0)
    with_them = imports(folder, pairs, tmp_path / "other.zarr", ids=pairs.ids)
    assert with_them.token_counts.tolist() == (lengths + T + 2).tolist()
    assert (bits_of(with_them, "1")[:, :-1] == (x[1][:, 1:] > 0)).all()
    np.save(folder / "offsets.npy", offsets[:-1])
    with pytest.raises(InputError, match=r"offsets must be \(items \+ 1\)"):
        imports(folder, pairs, tmp_path / "out.zarr", ids=pairs.ids)


def test_padding_goes_by_its_token(x: Array, pairs: Pairs, tmp_path: Path) -> None:
    padded = np.concatenate([x, np.ones((L, N, 2, H), np.float32)], axis=2)
    token_ids = np.full((N, T + 2), PAD)
    token_ids[:, :T] = 5
    np.savez(
        tmp_path / "all.npz", ids=np.array(pairs.ids), token_ids=token_ids, **{str(n): padded[n] for n in range(L)}
    )
    store = imports(tmp_path / "all.npz", pairs, tmp_path / "out.zarr", special_token_ids=[PAD])
    np.testing.assert_array_equal(bits_of(store, "1"), x[1] > 0)


def test_short_items_are_an_error_or_left_out(x: Array, pairs: Pairs, tmp_path: Path) -> None:
    lengths = np.r_[[T] * 5, [T - 1], [T] * 4, [1]]
    offsets = np.r_[0, np.cumsum(lengths)]
    for layer in range(L):
        ragged = np.concatenate([of[:length] for of, length in zip(x[layer], lengths, strict=True)])
        save_safetensors(tmp_path / f"{layer}.safetensors", {"x": ragged, "offsets": offsets})
    options: dict[str, Any] = {"ids": pairs.ids, "tokens": ["last 1", f"last {T}"]}
    with pytest.raises(InputError, match=r"Item 'item/5' has 2 tokens, too few for tokens='last 3', and so have 1 oth"):
        imports(tmp_path, pairs, tmp_path / "o.zarr", **options)
    store = imports(tmp_path, pairs, tmp_path / "o.zarr", drop_short=True, **options)
    rows = [0, 1, 2, 3, 4, 6, 7, 8, 9]
    assert store.ids == tuple(pairs.ids[row] for row in rows)
    assert dict(store.info.dropped) == {"fewer tokens than 'last 3' needs": 2}
    np.testing.assert_array_equal(bits_of(store, "1", tokens="last 3"), x[1][rows] > 0)
    with pytest.raises(InputError, match="No item has the tokens that 'last 9' needs"):
        imports(tmp_path, pairs, tmp_path / "p.zarr", ids=pairs.ids, tokens="last 9", drop_short=True)


def visit_into(states: dict[str, Any]) -> Any:
    def visit(layer: str, hidden: Any) -> None:
        states[layer] = hidden[0].clone()

    return visit


def test_a_model_s_states_through_files_are_what_extract_keeps(
    tiny_model_folder: Path, tiny_pairs: Pairs, tmp_path: Path
) -> None:
    """The layout of requests: the same model, read here and by way of files, gives the same store."""
    torch = pytest.importorskip("torch")
    from foretell.representations.loading.load_model import load_text_model

    model = load_text_model(str(tiny_model_folder))
    layers = ["0", "1", "2", "3"]
    (tmp_path / "in").mkdir()
    named = {}
    for number, (item, reading) in enumerate(
        zip(tiny_pairs.ids, model.read(list(tiny_pairs.texts["left"])), strict=True)
    ):
        states: dict[str, Any] = {}
        model.hidden_states([reading], visit_into(states))
        stacked = torch.stack([states[layer] for layer in layers], dim=1).numpy()
        path = tmp_path / "in" / f"cmpl-{number}.safetensors"
        save_safetensors(path, {"hidden_states": stacked, "token_ids": np.asarray(reading.values)})
        named[path.name] = item
    tokens = ["last 5", "mean", "last 5, 2bit"]
    expected = foretell.extract(
        tiny_pairs, model=model, side="left", out=tmp_path / "e.zarr", tokens=tokens, batch_tokens=1
    )
    options: dict[str, Any] = {"ids": named, "layers": layers, "special_token_ids": [1], "tokens": tokens}
    store = imports(tmp_path / "in", tiny_pairs, tmp_path / "i.zarr", **options)
    assert store.token_counts.tolist() == expected.token_counts.tolist()
    assert (store.ids, store.texts, store.groups) == (expected.ids, expected.texts, expected.groups)
    for layer in layers:
        for kept in (0, 2):
            np.testing.assert_array_equal(store.read(layer, kept=kept), expected.read(layer, kept=kept))
        # A mean is summed in another order, and may round to another side of 0.
        differing = np.bitwise_count(store.read(layer, kept=1) ^ expected.read(layer, kept=1)).sum()
        assert differing <= 1
    assert store.near_zero.tolist() == expected.near_zero[:4].tolist()


class TestRequests:
    """Files of the layout that vLLM 0.22's connector writes: one a request."""

    def test_bits_of_the_last_tokens(self, x: Array, pairs: Pairs, tmp_path: Path) -> None:
        named = save_requests(tmp_path / "in", x, pairs.ids)
        (tmp_path / "ids.json").write_text(json.dumps(named))
        options: dict[str, Any] = {"layers": [0, 2, 5, 8], "n_blocks": 8, "special_token_ids": [BOS]}
        store = imports(tmp_path / "in", pairs, tmp_path / "out.zarr", ids=tmp_path / "ids.json", **options)
        assert store.layers == ("0", "2", "5", "8")
        assert store.token_counts.tolist() == [T + item % 3 for item in range(N)]
        assert store.info.dtype == "bfloat16"
        for place, layer in enumerate(store.layers):
            np.testing.assert_array_equal(bits_of(store, layer), x[place] > 0)
        # A mapping in another order, of paths on the server, is the same: nothing is done again.
        mapping = {f"/server/{name}": named[name] for name in reversed(named)}
        assert imports(tmp_path / "in", pairs, tmp_path / "out.zarr", ids=mapping, **options).info == store.info

    def test_files_may_be_named_by_their_items(self, x: Array, tmp_path: Path) -> None:
        named = Pairs("n", {"left": ("a", "b", "c")}, ("0", "2", "1"), None, "CC0-1.0", "here")
        save_requests(tmp_path / "in", x, ["0", "1", "2"])
        for item in "012":
            (tmp_path / "in" / f"req-{item}.safetensors").rename(tmp_path / "in" / f"{item}.safetensors")
        store = imports(tmp_path / "in", named, tmp_path / "out.zarr", ids="file names", layers=[0, 1, 2, 3])
        np.testing.assert_array_equal(bits_of(store, "3"), x[3][[0, 2, 1]] > 0)

    def test_small_blocks_are_the_same(
        self, x: Array, pairs: Pairs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        named = save_requests(tmp_path / "in", x, pairs.ids)
        monkeypatch.setattr(import_activations, "_BLOCK_BYTES", 3000)
        tokens = ["mean", "last 2, full", "last 3, median"]
        options: dict[str, Any] = {"ids": named, "layers": range(L), "tokens": tokens}
        small = imports(tmp_path / "in", pairs, tmp_path / "small.zarr", **options)
        monkeypatch.undo()
        large = imports(tmp_path / "in", pairs, tmp_path / "large.zarr", **options)
        for kept in range(3):
            np.testing.assert_array_equal(small.read("2", kept=kept), large.read("2", kept=kept))

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"layers": None}, r"layers= is needed"),
            ({"layers": [0, 1, 2]}, r"has 4 layers and layers= names 3"),
            ({"layers": [0, 2, 1, 3]}, r"must be in ascending order"),
            ({"ids": None}, r"ids= is needed"),
            ({"ids": ["item/0"]}, r"ids= is needed"),
            ({"ids": "nowhere.json"}, r"nowhere\.json is not read"),
            ({"ids": {"gone.safetensors": "item/0"}}, r"to be in 'gone\.safetensors', which is not in"),
            ({"ids": {"req-0.safetensors": "item/0", "req-1.safetensors": "item/0"}}, r"give one file an item"),
            ({"ids": {"req-0.safetensors": "item/0"}}, r"lack 10 of the 11 items of 'made', such as 'item/1'"),
        ],
    )
    def test_what_is_missing_is_said(
        self, options: dict[str, Any], message: str, x: Array, pairs: Pairs, tmp_path: Path
    ) -> None:
        named = save_requests(tmp_path / "in", x, pairs.ids)
        with pytest.raises(ForetellError, match=message):
            imports(tmp_path / "in", pairs, tmp_path / "o.zarr", **{"ids": named, "layers": range(L)} | options)
        assert not (tmp_path / "o.zarr").exists()

    def test_files_that_do_not_fit(self, x: Array, pairs: Pairs, tmp_path: Path) -> None:
        named = save_requests(tmp_path / "in", x, pairs.ids)
        broken: dict[str, Array] = {"hidden_states": np.zeros((5, L, H), np.float32), "token_ids": np.arange(4)}
        save_safetensors(tmp_path / "in" / "req-3.safetensors", broken)
        with pytest.raises(InputError, match=r"req-3\.safetensors \(item 'item/3'\).*do not fit"):
            imports(tmp_path / "in", pairs, tmp_path / "o.zarr", ids=named, layers=range(L))
        (tmp_path / "in" / "req-3.safetensors").write_bytes(b"short")
        with pytest.raises(InputError, match=r"req-3\.safetensors cannot be read"):
            imports(tmp_path / "in", pairs, tmp_path / "o.zarr", ids=named, layers=range(L))


def test_ids_are_required_and_checked(x: Array, pairs: Pairs, tmp_path: Path) -> None:
    save_layers(tmp_path / "in", x, "npy")

    def error(**options: Any) -> str:
        with pytest.raises(InputError) as raised:
            imports(tmp_path / "in", pairs, tmp_path / "o.zarr", **options)
        return str(raised.value)

    assert "Nothing says which items these are" in error()
    assert "There are 10 ids for 11 items" in error(ids=pairs.ids[:-1])
    assert "lack 1 of the 11 items of 'made', such as 'item/10'" in error(ids=(*pairs.ids[:-1], "other"))
    assert "have the item 'item/0' twice" in error(ids=(*pairs.ids[:-1], "item/0"))
    few = pairs.take(range(9))
    with pytest.raises(InputError, match="have 2 items that are not in 'made', such as 'item/9'"):
        imports(tmp_path / "in", few, tmp_path / "o.zarr", ids=pairs.ids)
    (tmp_path / "in" / "ids.txt").write_text("\n".join(reversed(pairs.ids)))
    assert "ids= and ids.txt name other items" in error(ids=pairs.ids)
    assert "give the items in order" in error(ids={"0.npy": "item/0"})
    assert not (tmp_path / "o.zarr").exists()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_named(bad: float, x: Array, pairs: Pairs, tmp_path: Path) -> None:
    x[2, 7, 1, 5] = bad
    save_layers(tmp_path / "in", x, "bf16")
    with pytest.raises(InputError, match=r"item 'item/7' are NaN or infinity at layer 2"):
        imports(tmp_path / "in", pairs, tmp_path / "o.zarr", ids=pairs.ids)
    # What is not kept may be anything.
    imports(tmp_path / "in", pairs, tmp_path / "last.zarr", ids=pairs.ids, tokens="last 1")


def test_a_stopped_import_goes_on(x: Array, pairs: Pairs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_layers(tmp_path / "in", x, "npy")
    chunk = import_activations._chunk
    done: list[Any] = []
    stops_at = 2

    def stopping(*given: Any) -> Any:
        if len(done) == stops_at:
            raise KeyboardInterrupt
        done.append(given[2])
        return chunk(*given)

    monkeypatch.setattr(import_activations, "_chunk", stopping)
    with pytest.raises(KeyboardInterrupt):
        imports(tmp_path / "in", pairs, tmp_path / "o.zarr", ids=pairs.ids, chunk_items=4)
    stops_at = N
    store = imports(tmp_path / "in", pairs, tmp_path / "o.zarr", ids=pairs.ids, chunk_items=4)
    assert [place for some in done for place in some] == list(range(N))
    np.testing.assert_array_equal(bits_of(store, "1"), x[1] > 0)
    (tmp_path / "o.zarr" / "bits" / "0" / "1" / "c" / "1" / "0" / "0").unlink()
    again = imports(tmp_path / "in", pairs, tmp_path / "o.zarr", ids=pairs.ids, chunk_items=4, repair=True)
    assert len(done) == 4
    np.testing.assert_array_equal(bits_of(again, "1"), x[1] > 0)


def test_the_store_says_what_it_is_made_of(x: Array, pairs: Pairs, tmp_path: Path) -> None:
    save_layers(tmp_path / "in", x, "npy")
    store = imports(tmp_path / "in", pairs, tmp_path / "o.zarr", ids=pairs.ids)
    assert store.info.model_revision.startswith("imported, files sha256:")
    assert store.info.preprocessing == "made elsewhere, not known"
    assert set(store.info.versions) == {"foretell", "numpy"}
    x[0, 0, 0, 0] += 1
    save_layers(tmp_path / "in", x, "npy")
    with pytest.raises(StoreError, match=r"different model revision\)"):
        imports(tmp_path / "in", pairs, tmp_path / "o.zarr", ids=pairs.ids)
    save_layers(tmp_path / "in", x, "npy")
    with pytest.raises(OptionError, match="n_blocks= is needed"):
        imports(tmp_path / "in", pairs, tmp_path / "p.zarr", ids=pairs.ids, layers=[1, 2])
    with pytest.raises(OptionError, match="n_blocks=1 is less than the layer 2"):
        imports(tmp_path / "in", pairs, tmp_path / "p.zarr", ids=pairs.ids, layers=[1, 2], n_blocks=1)
    with pytest.raises(OptionError, match="there are the layers 0, 1, 2, 3"):
        imports(tmp_path / "in", pairs, tmp_path / "p.zarr", ids=pairs.ids, layers=[9])


def test_nothing_pickled_is_opened(pairs: Pairs, tmp_path: Path) -> None:
    evil = np.array([{"a": 1}], dtype=object)
    np.save(tmp_path / "0.npy", evil, allow_pickle=True)
    np.savez(tmp_path / "0.npz", evil)
    for name in ("0.npy", "0.npz"):
        with pytest.raises(InputError, match="pickled objects, which are never opened"):
            imports(tmp_path / name, pairs, tmp_path / "o.zarr", ids=pairs.ids)
    (tmp_path / "0.pt").write_bytes(b"")
    with pytest.raises(InputError, match="save tensors of torch as safetensors"):
        imports(tmp_path / "0.pt", pairs, tmp_path / "o.zarr", ids=pairs.ids)


@pytest.mark.parametrize(
    "header",
    [
        b"[]",
        b"not json",
        b'{"a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 999]}}',
        b'{"a": {"dtype": "F32", "shape": [-2, 2], "data_offsets": [0, 16]}}',
        b'{"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 16]}}',
        b'{"a": {"dtype": "F8_E4M3", "shape": [4, 4], "data_offsets": [0, 16]}}',
        b'{"a": {"dtype": "F32"}}',
    ],
)
def test_a_damaged_header_is_an_error(header: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(16))
    with pytest.raises(InputError, match=r"x\.safetensors"):
        open_arrays(path)
    path.write_bytes(struct.pack("<Q", 2**60) + header)
    with pytest.raises(InputError, match=r"header is longer"):
        open_arrays(path)


def test_files_of_the_library_itself_are_read(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    safetensors = pytest.importorskip("safetensors.torch")
    made = torch.randn(5, 7, generator=torch.Generator().manual_seed(0))
    types = {"b": torch.bfloat16, "h": torch.float16, "f": torch.float32}
    safetensors.save_file({name: made.to(dtype) for name, dtype in types.items()}, tmp_path / "x.safetensors")
    arrays, _ = open_arrays(tmp_path / "x.safetensors")
    for name, dtype in types.items():
        np.testing.assert_array_equal(arrays[name].floats(), made.to(dtype).float().numpy())
        np.testing.assert_array_equal(arrays[name].floats([3, 1]), made.to(dtype).float().numpy()[[3, 1]])


@pytest.mark.parametrize("rule", ["last 3", "last 3, full", "last 3, 2bit", "last 3, projection 16 seed 2"])
@pytest.mark.parametrize("n_dimensions", [21, 24])
def test_numpy_and_torch_make_the_same_bits(rule: str, n_dimensions: int) -> None:
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(3).standard_normal((6, 3, n_dimensions)).astype(np.float32)
    recording = Recording.parse(rule)
    kept = Kept(recording, 3, {"0": recording.n_bits(n_dimensions)})
    np.testing.assert_array_equal(kept_of_array(x, kept, "0"), kept_values(torch.from_numpy(x), kept, "0"))
    np.testing.assert_array_equal(n_near_zero_of_array(x, 0.1), n_near_zero(torch.from_numpy(x), 0.1))


def test_layers_by_their_names() -> None:
    names = {"12": "12", "layer-07": "7", "layers.3.output": "3", "final": "final", "Final_norm": "final"}
    assert {name: layer_name(name) for name in names} == names
    for wrong in ("embeddings", "h1-layer2"):
        with pytest.raises(OptionError, match="does not tell its layer"):
            layer_name(wrong)


def test_two_files_of_a_layer_are_an_error(x: Array, pairs: Pairs, tmp_path: Path) -> None:
    save_layers(tmp_path, x, "npy")
    save_layers(tmp_path, x, "safetensors")
    with pytest.raises(InputError, match=r"0\.npy and layer-0\.safetensors are both of layer 0"):
        imports(tmp_path, pairs, tmp_path / "o.zarr", ids=pairs.ids)


def test_importing_activations_imports_no_torch(x: Array, tmp_path: Path) -> None:
    save_layers(tmp_path / "in", x, "bf16")
    code = (
        "import sys, foretell\n"
        "from foretell.representations.data.pairs import Pairs\n"
        f"ids = tuple(str(i) for i in range({N}))\n"
        "pairs = Pairs('n', {'left': ids}, ids, None, 'CC0-1.0', 'here')\n"
        "foretell.import_activations(sys.argv[1], pairs=pairs, side='left', out=sys.argv[2], model_id='m', ids=ids,\n"
        "    tokens='last 3')\n"
        "print({'torch', 'transformers', 'safetensors'} & set(sys.modules))"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "in"), str(tmp_path / "o.zarr")]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "set()\n"


def test_prompts_have_their_ids(pairs: Pairs, tmp_path: Path) -> None:
    lines = write_prompts(pairs, "right", tmp_path / "p.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        {"id": item, "prompt": text} for item, text in zip(pairs.ids, pairs.texts["right"], strict=True)
    ]
    with pytest.raises(OptionError, match="choose one of 'left', 'right'"):
        write_prompts(pairs, "middle", tmp_path / "p.jsonl")


def spoil_shapes(folder: Path, x: Array) -> None:
    np.save(folder / "1.npy", x[1][:, :2])


def spoil_number_of_ids(folder: Path, _x: Array) -> None:
    (folder / "ids.txt").write_text("item/0\n")


def spoil_number_of_arrays(folder: Path, x: Array) -> None:
    (folder / "1.npy").unlink()
    np.savez(folder / "1.npz", a=x[1], b=x[1])


def spoil_ids_in_a_file(folder: Path, x: Array) -> None:
    (folder / "1.npy").unlink()
    np.savez(folder / "1.npz", a=x[1], ids=np.arange(N))


def spoil_ids_in_metadata(folder: Path, x: Array) -> None:
    (folder / "1.npy").unlink()
    save_safetensors(folder / "1.safetensors", {"x": x[1]}, said={"ids": "{not a list"})


def spoil_kind_of_ids(folder: Path, _x: Array) -> None:
    (folder / "ids.txt").unlink()
    (folder / "ids.json").write_text('{"item/0": 0}')


def spoil_kind_of_token_ids(folder: Path, _x: Array) -> None:
    np.save(folder / "token_ids.npy", np.ones((N, T)))


def spoil_shape_of_token_ids(folder: Path, _x: Array) -> None:
    np.save(folder / "token_ids.npy", np.ones((N, T + 1), int))


def spoil_token_ids_of_a_layer(folder: Path, x: Array) -> None:
    np.save(folder / "token_ids.npy", np.ones((N, T), int))
    (folder / "1.npy").unlink()
    np.savez(folder / "1.npz", a=x[1], token_ids=np.zeros((N, T), int))


def spoil_kind_of_activations(folder: Path, x: Array) -> None:
    np.save(folder / "1.npy", (x[1] > 0).astype(np.int64))


def lose_a_file(folder: Path, _x: Array) -> None:
    (folder / "ids.txt").unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_shapes, r"Layer 0 is of shape \(11, 3, 21\) and layer 1 of shape \(11, 2, 21\)"),
        (spoil_number_of_ids, "There are 1 ids for 11 items"),
        (spoil_number_of_arrays, r"1\.npz has 2 arrays \(a, b\) and is of one layer"),
        (spoil_ids_in_a_file, r"1\.npz: 'ids' is not read \(int64 of shape \(11,\) instead of strings\)"),
        (spoil_ids_in_metadata, r"its metadata's 'ids' are no JSON list"),
        (spoil_kind_of_ids, r"ids\.json is no list of texts \(it is not a list of strings\)"),
        (spoil_kind_of_token_ids, r"'token_ids' is float64: give whole numbers"),
        (spoil_shape_of_token_ids, r"token_ids are of shape \(11, 4\) and the arrays of \(11, 3\) tokens"),
        (spoil_token_ids_of_a_layer, r"has other 'token_ids' than a file before it"),
        (spoil_kind_of_activations, r"layer 1 is int64 of shape .*: give floats of shape"),
        (lose_a_file, "Nothing says which items these are"),
    ],
)
def test_layers_that_do_not_fit_are_told(spoil: Any, message: str, x: Array, pairs: Pairs, tmp_path: Path) -> None:
    save_layers(tmp_path / "in", x, "npy")
    (tmp_path / "in" / "ids.txt").write_text("\n".join(pairs.ids) + "\n")
    spoil(tmp_path / "in", x)
    with pytest.raises(InputError, match=message):
        imports(tmp_path / "in", pairs, tmp_path / "o.zarr", special_token_ids=[BOS] if "token" in message else [])
    assert not (tmp_path / "o.zarr").exists()


def test_two_arrays_of_one_layer_in_a_file(x: Array, pairs: Pairs, tmp_path: Path) -> None:
    np.savez(tmp_path / "all.npz", **{"0": x[0], "layer_0": x[1]})
    with pytest.raises(InputError, match="two arrays are of layer 0: leave one of each"):
        imports(tmp_path / "all.npz", pairs, tmp_path / "o.zarr", ids=pairs.ids)


@pytest.mark.parametrize("name", ["gone.npy", "gone.txt"])
def test_files_that_are_not_there(name: str, x: Array, pairs: Pairs, tmp_path: Path) -> None:
    np.save(tmp_path / "0.npy", x[0])
    source, ids = (tmp_path / name, pairs.ids) if name == "gone.npy" else (tmp_path / "0.npy", tmp_path / name)
    with pytest.raises(InputError, match=rf"There is no file .*{name}: check the path"):
        imports({"0": source}, pairs, tmp_path / "o.zarr", ids=ids, n_blocks=1)


def test_a_kind_of_numbers_that_is_not_read(x: Array, pairs: Pairs, tmp_path: Path) -> None:
    save_safetensors(tmp_path / "0.safetensors", {"x": x[0]})
    data = (tmp_path / "0.safetensors").read_bytes()
    (tmp_path / "0.safetensors").write_bytes(data.replace(b'"F32"', b'"F8_"'))
    with pytest.raises(InputError, match="'x' is of F8_, which is not read: save it as BF16, F16 or F32"):
        imports(tmp_path / "0.safetensors", pairs, tmp_path / "o.zarr", ids=pairs.ids)
