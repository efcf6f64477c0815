"""Commands that make and look at stores: what they print is what the library says."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import foretell
from foretell import import_activations
from foretell.cli.app import app
from foretell.cli.app import main as run_command
from foretell.exceptions import OptionError
from foretell.representations.data.pairs import Pairs
from foretell.representations.loading import load_pairs as loading
from foretell.representations.models.base import ModelOptions
from foretell.representations.store.reader import Store, open_store
from foretell.representations.store_comparison import load_side

RUNNER = CliRunner()
N, H, T, L = 40, 48, 3, 3

Array = np.ndarray[Any, np.dtype[Any]]


def shown(*words: object, code: int = 0) -> str:
    """What a command prints on stdout, its spaces made one."""
    found = RUNNER.invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert found.exit_code == code, found.output
    return " ".join(found.stdout.split())


def main(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """What a command says of an error."""
    monkeypatch.setattr(sys, "argv", ["foretell", *map(str, words)])
    with pytest.raises(SystemExit) as left:
        run_command()
    assert left.value.code == 1
    return capsys.readouterr().err


@pytest.fixture
def pairs(monkeypatch: pytest.MonkeyPatch) -> Pairs:
    """Pairs that every command loads, whatever it names."""
    made = Pairs(
        "made",
        {side: tuple(f"{side} {i}" for i in range(N)) for side in ("left", "right")},
        tuple(f"item {i}" for i in range(N)),
        tuple(f"group {i // 2}" for i in range(N)),
        "CC0-1.0",
        "made up",
        {"blank": 2},
    )

    def load(source: Any, sides: Any, **options: Any) -> Pairs:
        asked.append((source, tuple(sides), options))
        return made.only(sides)

    asked: list[Any] = []
    monkeypatch.setattr(loading, "load_pairs", load)
    monkeypatch.setattr(loading, "asked", asked, raising=False)
    return made


def activations(seed: int) -> Array:
    """Of shape (layers, items, tokens, H): sides share less at layer 0 than at layer 1."""
    shared = np.random.default_rng(0).standard_normal((L, N, T, H))
    own = np.random.default_rng(seed).standard_normal((L, N, T, H))
    return shared + np.array([2.0, 0.3, 0.9])[:, None, None, None] * own


@pytest.fixture
def stores(pairs: Pairs, tmp_path: Path) -> dict[str, Store]:
    made = {}
    for seed, side in enumerate(("left", "right"), start=1):
        x = {str(layer): of for layer, of in enumerate(activations(seed).astype(np.float32))}
        np.savez(tmp_path / f"{side}.npz", ids=np.array(pairs.ids), **x)
        made[side] = foretell.import_activations(
            tmp_path / f"{side}.npz",
            pairs=pairs,
            side=side,
            out=tmp_path / f"{side}.zarr",
            model_id="made-model",
            tokens=f"last {T}",
            chunk_items=8,
        )
    return made


@pytest.mark.parametrize("command", ["extract", "import", "prompts", "inspect", "compare", "doctor"])
def test_every_command_has_help(command: str) -> None:
    assert "Usage: " in shown(command, "--help")


class TestExtract:
    def test_items_too_short_are_left_out(
        self, tiny_model_folder: Path, tmp_path: Path, tiny_pairs: Pairs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(loading, "load_pairs", lambda source, sides, **options: tiny_pairs.only(sides))
        words = ["--model", tiny_model_folder, "--data", "any", "--side", "left", "--sides", "left,right"]
        words += ["--out", tmp_path / "out.zarr", "--tokens", "last 9", "--tokens", "mean", "--items", 7, "--seed", 3]
        text = shown("extract", *words)
        store = foretell.open_store(tmp_path / "out.zarr")
        assert store.is_complete
        assert f"{store.name}: 7 items, 5 layers, last 9; mean" in text
        lengths = {side: [len(one.split()) for one in texts] for side, texts in tiny_pairs.texts.items()}
        places = [tiny_pairs.ids.index(item) for item in store.ids]
        assert all(lengths[side][place] >= 9 for side in lengths for place in places)
        for reason, number in store.info.dropped.items():
            assert f"Left out: {number}, {reason}" in text
        assert shown("extract", *words) == text

    def test_options_reach_the_model(self, pairs: Pairs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        given: list[tuple[str, str, ModelOptions]] = []

        class StopError(Exception):
            pass

        def load(name: str, modality: str, options: ModelOptions) -> None:
            given.append((name, modality, options))
            raise StopError

        monkeypatch.setattr("foretell.representations.loading.load_model.load", load)
        words = [
            "extract",
            "--model",
            "m",
            "--data",
            "a",
            "--data",
            "b",
            "--side",
            "left",
            "--out",
            str(tmp_path / "o"),
        ]
        words += ["--dtype", "bfloat16", "--device-map", "auto", "--revision", "main", "--trust-remote-code"]
        words += ["--random-weights", "0"]
        words += ["--data-option", "min-words=3", "--data-option", "split=train"]
        with pytest.raises(StopError):
            RUNNER.invoke(app, words, catch_exceptions=False)
        options = ModelOptions(
            dtype="bfloat16", device_map="auto", revision="main", trust_remote_code=True, random_weights=0
        )
        assert given == [("m", "text", options)]
        assert loading.asked == [(["a", "b"], ("left",), {"min_words": 3, "split": "train"})]  # type: ignore[attr-defined]

    def test_usage(self, pairs: Pairs) -> None:
        words = ["extract", "--model", "m", "--data", "d", "--side", "left", "--out", "o"]
        for wrong in (["--data-option", "x"], ["--sides", "right"], ["--items", "0"]):
            assert RUNNER.invoke(app, [*words, *wrong]).exit_code == 2


def test_import_makes_the_store_that_the_library_makes(
    pairs: Pairs,
    stores: dict[str, Store],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    x = {f"layer-{layer}": of for layer, of in enumerate(activations(1).astype(np.float32))}
    np.savez(tmp_path / "in.npz", **x)
    (tmp_path / "ids.txt").write_text("\n".join(pairs.ids))
    words = ["import", tmp_path / "in.npz", "--model", "m", "--data", "d", "--side", "left", "--blocks", 8]
    words += ["--out", tmp_path / "o.zarr", "--layers", "1,2", "--tokens", "last 2", "--licence", "MIT"]
    assert "error: Nothing says which items these are" in main(monkeypatch, capsys, *words)
    text = shown(*words, "--ids", tmp_path / "ids.txt")
    assert "40 items, 2 layers, last 2 Left out: 2, blank" in text
    store = foretell.open_store(tmp_path / "o.zarr")
    assert (store.info.model_licence, store.info.n_blocks) == ("MIT", 8)
    np.testing.assert_array_equal(store.space("2").bits().data, stores["left"].space("2", "last 2").bits().data)
    assert RUNNER.invoke(app, [str(word) for word in words] + ["--special-token-ids", "x"]).exit_code == 2


def test_prompts(pairs: Pairs, tmp_path: Path) -> None:
    text = shown("prompts", "--data", "d", "--side", "right", "--out", tmp_path / "p.jsonl")
    assert "40 prompts" in text
    first = json.loads((tmp_path / "p.jsonl").read_text().splitlines()[0])
    assert first == {"id": "item 0", "prompt": "right 0"}


class TestInspect:
    def test_what_is_there(self, stores: dict[str, Store], tmp_path: Path) -> None:
        text = shown("inspect", tmp_path / "left.zarr")
        for part in (
            "made-model, 2 blocks, run in float32",
            "imported, files sha256:",
            "40 of made, side left (text)",
            "made up (CC0-1.0)",
            "left out 2, blank",
            "20 of dependent items",
            "3: 0, 1, 2",
            "last 3: 3 tokens",
            "5 of 8 items",
            "MiB",
            "50.",
            "tied",
            "among 40 items",
        ):
            assert part in text, part
        size = sum(file.stat().st_size for file in (tmp_path / "left.zarr").rglob("*") if file.is_file())
        assert f"{size / 2**20:.1f} MiB" in text

    def test_damage_is_listed_and_leaves_with_1(self, stores: dict[str, Store], tmp_path: Path) -> None:
        assert "Every chunk is as it was written." in shown("inspect", tmp_path / "left.zarr", "--verify")
        chunks = tmp_path / "left.zarr" / "bits" / "0"
        (chunks / "1" / "c" / "2" / "0" / "0").unlink()
        damaged = chunks / "2" / "c" / "0" / "0" / "0"
        damaged.write_bytes(bytes(len(damaged.read_bytes())))
        text = shown("inspect", tmp_path / "left.zarr", "--verify", code=1)
        assert "last 3 1 16 to 23 its file is gone" in text
        assert "last 3 2 0 to 7 its checksum does not fit" in text
        assert "--repair" in text

    def test_problems_are_said(self, pairs: Pairs, tmp_path: Path) -> None:
        x = np.abs(activations(1)).astype(np.float32)
        layers = {str(layer): of for layer, of in enumerate(x)}
        np.savez(tmp_path / "in.npz", ids=np.array(pairs.ids), **layers)
        words = ["import", tmp_path / "in.npz", "--model", "m", "--data", "d", "--side", "left"]
        shown(*words, "--out", tmp_path / "o.zarr", "--tokens", "last 3")
        text = shown("inspect", tmp_path / "o.zarr")
        assert "! nearly all bits are alike (collapsed): layers 0 to 2" in text
        assert "! items have the bits of another: layers 0 to 2" in text

    def test_no_store(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        assert "There is no store at nowhere" in main(monkeypatch, capsys, "inspect", "nowhere")


class TestCompare:
    def test_the_best_pair_each_way(self, stores: dict[str, Store], tmp_path: Path) -> None:
        words = ["compare", tmp_path / "left.zarr", tmp_path / "right.zarr", "--null", 50, "--out", tmp_path / "o"]
        text = shown(*words)
        result = foretell.load_result(tmp_path / "o" / "result.nc")
        spaces = [{layer: store.space(layer) for layer in store.layers} for store in stores.values()]
        groups = stores["left"].groups
        expected = foretell.imbalance_matrix(*spaces, null=50, groups=groups)
        np.testing.assert_array_equal(result["imbalance"], expected["imbalance"])
        np.testing.assert_array_equal(result["p_value_minimum"], expected["p_value_minimum"])
        assert "40 items, n = 39, k = 1, 20 groups" in text
        assert "best pair 1 | 1 1 | 1" in text
        cells = [tuple(float(expected[name][d, 1, 1]) for name in ("imbalance", "low", "high")) for d in (0, 1)]
        assert [cell[0] for cell in cells] == expected["imbalance"].values.min(axis=(1, 2)).tolist()
        assert " ".join(f"{value:.3f} ({low:.3f} to {high:.3f})" for value, low, high in cells) in text
        tested = foretell.contrast(expected, {("a_to_b", 1, 1): 1, ("b_to_a", 1, 1): -1})
        difference, stderr = tested.value, tested.stderr
        margin = 2.093 * stderr  # 20 groups
        said = f"{difference:+.3f} ({difference - margin:+.3f} to {difference + margin:+.3f})"
        assert f"Where both ways together are lowest, 1 | 1: A -> B minus B -> A is {said}" in text
        assert "The best of 9 pairs" in text
        rows = (tmp_path / "o" / "result.csv").read_text().splitlines()
        assert len(rows) == 1 + 2 * 9
        assert result.attrs["model_a"] == "made-model"
        assert result.attrs["side_b"] == "right"

    def test_layers_tokens_and_the_diagonal(self, stores: dict[str, Store], tmp_path: Path) -> None:
        places = [tmp_path / "left.zarr", tmp_path / "right.zarr"]
        shown("compare", *places, "--diagonal", "--tokens", "last 2", "--k", 3, "--out", tmp_path / "o")
        curve = foretell.load_result(tmp_path / "o" / "result.nc")
        spaces = [{layer: store.space(layer, "last 2") for layer in store.layers} for store in stores.values()]
        expected = foretell.imbalance_curve(*spaces, k=3, groups=stores["left"].groups)
        np.testing.assert_array_equal(curve["imbalance"], expected["imbalance"])
        text = shown("compare", *places, "--layer-a", 0, "--layer-b", 1, "--layer-b", 2, "--out", tmp_path / "p")
        assert "A: made-model left, 1 layer, last 3 B: made-model right, 2 layers, last 3" in text
        matrix = foretell.load_result(tmp_path / "p" / "result.nc")
        assert (matrix["a"].values.tolist(), matrix["b"].values.tolist()) == ([0], [1, 2])

    def test_a_store_and_a_file_of_other_items(
        self,
        stores: dict[str, Store],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        x = activations(2)[1].reshape(N, -1)
        some = np.random.default_rng(0).permutation(N)[:30]
        ids = np.array(stores["left"].ids)
        np.savez(tmp_path / "some.npz", ids=np.r_[ids[some], ["other"]], x=np.r_[x[some], x[:1]])
        words = ["compare", tmp_path / "left.zarr", tmp_path / "some.npz", "--layer-a", 1]
        assert "has 40 items and some.npz has 31: give the same items" in main(monkeypatch, capsys, *words)
        text = shown(*words, "--common")
        assert "30 items, n = 29" in text
        assert "Left out, since the other lacks them: 10 and 1 items" in text
        rows = np.sort(some)
        expected = foretell.imbalance_matrix(
            [stores["left"].space("1").bits(rows)],
            [x[rows]],
            groups=[f"group {row // 2}" for row in rows],
        )
        assert "best pair 1 | x 1 | x" in text
        assert f"imbalance {float(expected['imbalance'][0, 0, 0]):.3f} (" in text

    @pytest.mark.parametrize("suffix", ["npy", "npz"])
    def test_two_files(self, suffix: str, tmp_path: Path, pairs: Pairs) -> None:
        a, b = (activations(seed)[1].reshape(N, -1).astype(np.float32) for seed in (1, 2))
        for name, array in (("a", a), ("b", b)):
            if suffix == "npy":
                np.save(tmp_path / f"{name}.npy", array)
            else:
                np.savez(tmp_path / f"{name}.npz", **{name: array})
        text = shown("compare", tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}")
        expected = foretell.information_imbalance(a, b)
        assert "best pair a | b a | b" in text
        assert f"imbalance {expected.a_to_b:.3f} (" in text
        assert f") {expected.b_to_a:.3f} (" in text
        assert f"A -> B minus B -> A is {expected.asymmetry:+.3f} (" in text
        assert "The best of" not in text

    @pytest.mark.filterwarnings("ignore::foretell.exceptions.ConstantSpaceWarning")
    def test_floats_of_one_sign(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for number, name in enumerate(("a", "b")):
            np.save(tmp_path / f"{name}.npy", np.abs(activations(number)[1].reshape(N, -1)))
        said = main(monkeypatch, capsys, "compare", tmp_path / "a.npy", tmp_path / "b.npy")
        assert "Nothing of a.npy and b.npy can be compared: all items of a side are alike" in said

    def test_what_cannot_be_compared(
        self,
        stores: dict[str, Store],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        np.save(tmp_path / "a.npy", activations(1)[0])
        words = ["compare", tmp_path / "left.zarr", tmp_path / "a.npy"]
        assert "has no layer 7: there are 0, 1, 2" in main(monkeypatch, capsys, *words, "--layer-a", 7)
        assert "has no ids, so nothing says" in main(monkeypatch, capsys, *words, "--common")
        (tmp_path / "b.npy").write_bytes(b"no array")
        assert "b.npy cannot be read" in main(monkeypatch, capsys, *words[:2], tmp_path / "b.npy")


def test_compare_takes_what_the_stores_keep(pairs: Pairs, tmp_path: Path) -> None:
    """Bits other than signs, and recordings of some layers: what is compared is what the result says."""
    arrays = np.random.default_rng(0).standard_normal((len(pairs), 4, 24)).astype(np.float32)
    kept = {"a": ["last 2, median", "last 3"], "b": ["last 3, median"], "c": ["last 2 at 1", "mean"]}
    for name, tokens in kept.items():
        noise = np.random.default_rng(1).standard_normal(arrays.shape).astype(np.float32)
        import_activations(
            _saved(tmp_path / f"files-{name}", {"0": arrays, "1": arrays + noise}),
            pairs=pairs,
            side=pairs.sides[0],
            out=tmp_path / name,
            model_id=name,
            ids=list(pairs.ids),
            tokens=tokens,
        )
    side = load_side(str(tmp_path / "a"), layers=None, tokens=None)
    assert side.attributes["tokens"] == "last 2, median"
    expected = open_store(tmp_path / "a").space(1, "last 2, median").bits()
    assert (side.spaces["1"].bits().data == expected.data).all()
    assert load_side(str(tmp_path / "a"), layers=None, tokens="last 3").attributes["tokens"] == "last 3"
    assert load_side(str(tmp_path / "b"), layers=None, tokens="last 2").attributes["tokens"] == "last 2, median"
    assert list(load_side(str(tmp_path / "c"), layers=None, tokens=None).spaces) == ["1"]
    assert list(load_side(str(tmp_path / "c"), layers=None, tokens="mean").spaces) == ["0", "1"]
    with pytest.raises(OptionError, match="no bits of 'first 1': extract it again"):
        load_side(str(tmp_path / "b"), layers=None, tokens="first 1")


def _saved(folder: Path, layers: dict[str, Array]) -> Path:
    folder.mkdir()
    for name, array in layers.items():
        np.save(folder / f"{name}.npy", array)
    return folder
