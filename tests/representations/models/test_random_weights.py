"""Weights drawn anew: the same network, owed to its seed alone, and never taken for the published one."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from foretell.exceptions import OptionError, StoreError
from foretell.representations.builtin.catalogue import PARTS
from foretell.representations.builtin.packages import cached
from foretell.representations.data.pairs import Pairs
from foretell.representations.data.pictures import Picture
from foretell.representations.extraction.extract import extract
from foretell.representations.loading.describe_model import describe_model
from foretell.representations.loading.load_model import load_model
from foretell.representations.models.base import Model, ModelOptions
from tests.representations.loading.test_sources import write_gguf
from tests.representations.models.families import WORDS, save_family
from tests.representations.models.vision import FAMILIES as VISION
from tests.representations.models.vision import Family, save, scene

torch = pytest.importorskip("torch")

TEXT = " ".join(WORDS)
TEXT_FAMILIES = ("llama", "gemma3_text", "gemma3", "gpt_neox", "mixtral", "deepseek_v3", "opt", "bert", "modernbert")


def states(model: Model, content: str | Picture = TEXT) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    model.hidden_states(model.read([content]), lambda layer, hidden: seen.update({layer: hidden.clone()}))
    return seen


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return list(one) == list(other) and all(torch.equal(one[layer], other[layer]) for layer in one)


def weights(model: Any) -> dict[str, Any]:
    """Of a text model, by their names in transformers."""
    return {name: value.detach() for name, value in model._model.named_parameters()}


def check_drawn(load: Callable[..., Model], content: str | Picture) -> None:
    """A model as published against one with drawn weights, of the same seed twice and of another seed."""
    published, first, again, other = load(), load(random_weights=0), load(random_weights=0), load(random_weights=1)
    assert first.n_dimensions == published.n_dimensions
    assert (first.n_blocks, first.dtype, first.max_length) == (
        published.n_blocks,
        published.dtype,
        published.max_length,
    )
    (read,), (reads_alike,) = published.read([content]), first.read([content])
    np.testing.assert_array_equal(read.values, reads_alike.values)
    np.testing.assert_array_equal(read.places, reads_alike.places)
    of_first = states(first, content)
    assert same(of_first, states(again, content))
    for differs in (states(other, content), states(published, content)):
        for layer, hidden in of_first.items():
            # Of feature maps behind a ReLU nearly all signs are alike, and some initialisations make tiny numbers.
            assert not torch.allclose(hidden, differs[layer], rtol=0.05, atol=0), layer


@pytest.mark.parametrize("family", TEXT_FAMILIES)
def test_text_models(family: str, tmp_path: Path) -> None:
    folder = str(save_family(family, tmp_path / family))
    state = torch.random.get_rng_state()
    check_drawn(lambda **options: load_model(folder, **options), TEXT)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("family", VISION, ids=lambda family: str(family.name))
def test_image_models(family: Family, tmp_path: Path) -> None:
    folder = str(save(family, tmp_path / family.name).folder)
    check_drawn(lambda **options: load_model(folder, modality="image", device="cpu", **options), scene(0))


@pytest.mark.skipif(
    cached(PARTS["efficientnet-lite0"]) is None,
    reason="efficientnet-lite0 is not in the cache: `foretell data fetch efficientnet-lite0` brings it",
)
def test_efficientnet_lite() -> None:
    def load(**options: Any) -> Model:
        return load_model("efficientnet-lite0", modality="image", device="cpu", **options)

    state = torch.random.get_rng_state()
    check_drawn(load, scene(0, (300, 200)))
    assert torch.equal(torch.random.get_rng_state(), state)
    # The initialisation is made for activations that neither vanish nor explode on the way.
    drawn = states(load(random_weights=0), scene(0, (300, 200)))
    for layer, hidden in drawn.items():
        assert torch.isfinite(hidden).all(), layer
        assert 1e-3 < hidden.std() < 100, layer


@pytest.mark.parametrize("family", ["llama", "gemma3_text", "qwen3", "gpt_neox", "mixtral", "bert", "roberta"])
def test_weights_are_as_wide_as_the_configuration_says(family: str, tmp_path: Path) -> None:
    folder = save_family(family, tmp_path / family)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"initializer_range": 0.07}))
    drawn = weights(load_model(str(folder), random_weights=5))
    of_blocks = [value.flatten() for name, value in drawn.items() if value.ndim > 1 and "layer" in name]
    pooled = torch.cat(of_blocks)
    assert len(pooled) > 2000
    assert float(pooled.std()) == pytest.approx(0.07, rel=0.05)
    assert abs(float(pooled.mean())) < 0.01
    # As saved they have .3 (`save_family`), and norms other than those at the beginning.
    saved = weights(load_model(str(folder)))
    assert {name: value.shape for name, value in saved.items()} == {name: value.shape for name, value in drawn.items()}
    norms = [name for name in drawn if "norm" in name.lower() and name.endswith("weight")]
    assert norms
    for name in norms:
        assert len(drawn[name].unique()) == 1
        assert len(saved[name].unique()) > 1


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "auto"])
def test_other_dtypes_are_the_same_draw_rounded(dtype: str, tmp_path: Path) -> None:
    # Whose router keeps a part in 32 bits.
    folder = str(save_family("deepseek_v3", tmp_path / "deepseek"))
    full, rounded = (load_model(folder, dtype=name, random_weights=0) for name in ("float32", dtype))
    assert rounded.dtype == load_model(folder, dtype=dtype).dtype
    exact = weights(full)
    for name, value in weights(rounded).items():
        assert torch.equal(value, exact[name].to(value.dtype)), name
    published = weights(load_model(folder, dtype=dtype))
    assert {name: value.dtype for name, value in weights(rounded).items()} == {
        name: value.dtype for name, value in published.items()
    }


@pytest.mark.parametrize("placed", [{"device": "cpu"}, {"device_map": "auto"}, {"device_map": {"": "cpu"}}], ids=str)
def test_wherever_it_is_placed(tiny_model_folder: Path, placed: dict[str, Any]) -> None:
    name = str(tiny_model_folder)
    assert same(states(load_model(name, random_weights=3, **placed)), states(load_model(name, random_weights=3)))


def test_a_seed_is_a_whole_number(tiny_model_folder: Path) -> None:
    for seed in (-1, 0.5, "0", True):
        with pytest.raises(OptionError, match=r"random_weights=.* is not an option: give a whole number of 0"):
            load_model(str(tiny_model_folder), random_weights=seed)  # type: ignore[arg-type]


def test_a_stored_dtype_that_nothing_names(tiny_model_folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_model_folder, tmp_path / "tiny")
    config = json.loads((copy / "config.json").read_text())
    del config["dtype"]
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(OptionError, match=r"dtype='auto' .* random_weights=0 does not read, .*: give a dtype\.$"):
        load_model(str(copy), random_weights=0, dtype="auto")
    assert load_model(str(copy), dtype="auto").dtype == "float32"


def test_published_weights_may_be_quantised(tiny_model_folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_model_folder, tmp_path / "tiny")
    config = json.loads((copy / "config.json").read_text())
    quantised = {"quant_method": "fp8", "weight_block_size": [16, 16], "activation_scheme": "dynamic"}
    (copy / "config.json").write_text(json.dumps(config | {"quantization_config": quantised}))
    plain = load_model(str(tiny_model_folder), random_weights=0)
    assert same(states(load_model(str(copy), random_weights=0)), states(plain))


class TestDescriptions:
    def test_id_and_revision_say_so(self, tiny_model_folder: Path) -> None:
        name = str(tiny_model_folder)
        published, zero, one = (
            describe_model(name, options=ModelOptions(random_weights=seed)) for seed in (None, 0, 1)
        )
        assert zero.id == "tiny-llama (random weights, seed 0)"
        assert zero.revision.startswith(f"{published.revision}, random weights, seed 0, by torch ")
        assert one.id == "tiny-llama (random weights, seed 1)"
        assert len({published.revision, zero.revision, one.revision}) == 3
        assert (zero.tokenizer, zero.licence, zero.folder) == (published.tokenizer, published.licence, published.folder)
        assert load_model(name, random_weights=0).info == zero

    def test_of_the_hub(self, tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        commit = "0" * 40
        kept = tmp_path / "models--tiny-org--tiny-llama"
        shutil.copytree(tiny_model_folder, kept / "snapshots" / commit)
        (kept / "refs").mkdir()
        (kept / "refs" / "main").write_text(commit)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
        info = describe_model("tiny-org/tiny-llama", options=ModelOptions(random_weights=0))
        assert info.id == "tiny-org/tiny-llama (random weights, seed 0)"
        assert info.revision.startswith(f"{commit}, random weights, seed 0")
        from_hub, from_folder = (
            load_model(name, random_weights=0) for name in ("tiny-org/tiny-llama", str(tiny_model_folder))
        )
        assert same(states(from_hub), states(from_folder))

    @pytest.mark.filterwarnings("ignore::DeprecationWarning")
    def test_of_a_gguf_file(self, tmp_path: Path) -> None:
        file = str(write_gguf(tmp_path / "tiny.gguf"))
        check_drawn(lambda **options: load_model(file, cache=tmp_path / "cache", **options), TEXT)
        info = describe_model(file, options=ModelOptions(cache=tmp_path / "cache", random_weights=0))
        assert info.id == "tiny (random weights, seed 0)"
        assert re.match(r"gguf sha256:[0-9a-f]{64}, random weights, seed 0, by torch", info.revision)

    def test_of_images(self, tmp_path: Path) -> None:
        folder = str(save(VISION[0], tmp_path / "vit").folder)
        zero = describe_model(folder, "image", ModelOptions(random_weights=0))
        assert zero.id == "vit (random weights, seed 0)"
        assert zero == load_model(folder, modality="image", random_weights=0).info


class TestStores:
    def test_a_complete_store_is_used_again_without_loading(
        self, tiny_model_folder: Path, tiny_pairs: Pairs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def made(**options: Any) -> Any:
            return extract(
                tiny_pairs,
                model=str(tiny_model_folder),
                side="left",
                out=tmp_path / "left.zarr",
                tokens="last 6",
                **options,
            )

        store = made(random_weights=0)
        assert store.info.model_id == "tiny-llama (random weights, seed 0)"
        assert store.space("2").name == "tiny-llama (random weights, seed 0):left:2"
        direct = load_model(str(tiny_model_folder), random_weights=0)
        reading = direct.read(tiny_pairs.texts["left"][:1])[0]
        hidden = states(direct, tiny_pairs.texts["left"][0])["2"][0, reading.places[-6:]]
        np.testing.assert_array_equal(store.space("2").bits(slice(0, 1)).unpack()[0], hidden.numpy() > 0)

        def fail(*_args: Any, **_options: Any) -> None:
            raise AssertionError("the model was loaded")

        monkeypatch.setattr("foretell.representations.loading.load_model.load", fail)
        assert made(random_weights=0).is_complete
        for options in ({}, {"random_weights": 1}):
            with pytest.raises(StoreError, match="model revision"):
                made(**options)


@pytest.mark.model
def test_the_real_architecture(tmp_path: Path) -> None:
    if cached(PARTS["smollm2-135m"]) is None:
        pytest.skip("smollm2-135m is not in the cache: `foretell data fetch smollm2-135m` brings it")
    model = load_model("smollm2-135m", random_weights=0)
    assert model.info.id == "smollm2-135m (random weights, seed 0)"
    assert (model.n_blocks, model.n_dimensions["0"]) == (30, 576)
    matrices = [value for name, value in weights(model).items() if value.ndim > 1 and name.startswith("layers.0.")]
    assert len(matrices) == 7
    for value in matrices:
        assert float(value.std()) == pytest.approx(0.02, rel=0.01)
    shown = states(model, "The old house's two red doors are open.")
    assert all(torch.isfinite(hidden).all() for hidden in shown.values())
    # Two different texts: their states differ, as no layer is constant.
    other = states(model, "A new dog likes the tall blue tree a lot.")
    assert all(not torch.equal(shown[layer][:, :5], other[layer][:, :5]) for layer in shown)
