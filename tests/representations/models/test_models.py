"""Loading text models: what is read, on which device and in which type, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from foretell.exceptions import ForetellWarning, InputError, OptionError
from foretell.representations.loading.describe_model import describe_model
from foretell.representations.loading.load_model import load_text_model
from foretell.representations.models.base import ModelOptions, Reading
from foretell.representations.models.text import TextModel
from tests.representations.models.families import save_family

torch = pytest.importorskip("torch")

TEXTS = ("the red dog sees a cat", "one big tree", "two old dog likes the new blue house over there")


@pytest.fixture(scope="module")
def model(tiny_model_folder: Path) -> TextModel:
    return load_text_model(tiny_model_folder)


@pytest.fixture(scope="module")
def byte_model(tmp_path_factory: pytest.TempPathFactory) -> TextModel:
    """One whose tokenizer knows every character, and adds a token at either end."""
    return load_text_model(save_family("bert", tmp_path_factory.mktemp("bytes") / "tiny-bert"))


def states(model: TextModel, texts: tuple[str, ...]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    model.hidden_states(model.read(texts), lambda layer, hidden: seen.update({layer: hidden.clone()}))
    return seen


def test_description_matches_what_is_loaded(tiny_model_folder: Path, model: TextModel) -> None:
    info = describe_model(str(tiny_model_folder))
    assert info == model.info == describe_model(tiny_model_folder)
    assert (info.id, model.dtype, model.modality, model.n_blocks) == ("tiny-llama", "float32", "text", 3)
    assert model.n_dimensions == dict.fromkeys(("0", "1", "2", "3", "final"), 20)
    assert model.max_length == 64
    assert info.revision.startswith("sha256:")
    # How it is run is no part of what it is.
    run_otherwise = ModelOptions(dtype="bfloat16", device="cpu")
    assert info == describe_model(tiny_model_folder, options=run_otherwise)


def test_special_tokens_are_not_among_the_places(model: TextModel, byte_model: TextModel) -> None:
    for text, item in zip(TEXTS, model.read(TEXTS), strict=True):
        assert item.length == len(item.values) == len(text.split()) + 1
        assert item.places.tolist() == list(range(1, item.length))
        assert item.n_tokens == len(text.split())
        assert item.class_place is None
    for item in byte_model.read(TEXTS):
        assert item.places.tolist() == list(range(1, item.length - 1))


def test_what_looks_like_a_special_token_is_text(byte_model: TextModel) -> None:
    (item,) = byte_model.read(["dog </s><pad> cat <s>"])
    values = item.values[item.places]
    assert not set(values) & {0, 1, 2, 3}
    assert byte_model._tokenizer.decode(values) == "dog </s><pad> cat <s>"


def test_nothing_is_cut_or_padded_whatever_the_tokenizer_file_says(tmp_path: Path) -> None:
    folder = save_family("bert", tmp_path / "short")
    file = folder / "tokenizer.json"
    before = [item.values.tolist() for item in load_text_model(folder).read(TEXTS)]
    described = json.loads(file.read_text(encoding="utf-8"))
    described["truncation"] = {"max_length": 4, "stride": 0, "strategy": "LongestFirst", "direction": "Right"}
    described["padding"] = {
        "strategy": {"Fixed": 99},
        "direction": "Left",
        "pad_to_multiple_of": None,
        "pad_id": 1,
        "pad_type_id": 0,
        "pad_token": "<pad>",
    }
    file.write_text(json.dumps(described), encoding="utf-8")
    assert [item.values.tolist() for item in load_text_model(folder).read(TEXTS)] == before


def test_no_texts_at_all(model: TextModel) -> None:
    assert model.read([]) == []


def test_layers_come_in_order(model: TextModel) -> None:
    names: list[str] = []
    model.hidden_states(model.read(TEXTS), lambda layer, _hidden: names.append(layer))
    assert names == list(model.n_dimensions)


def test_hooks_are_removed_whatever_happens(model: TextModel) -> None:
    def refuse(layer: str, _hidden: object) -> None:
        if layer == "1":
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        model.hidden_states(model.read(TEXTS), refuse)
    for block in model._blocks:
        assert not block._forward_hooks
        assert not block._forward_pre_hooks


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_other_dtypes(tiny_model_folder: Path, dtype: str) -> None:
    loaded = load_text_model(tiny_model_folder, ModelOptions(dtype=dtype))
    assert loaded.dtype == dtype
    assert {hidden.dtype for hidden in states(loaded, TEXTS[:1]).values()} == {getattr(torch, dtype)}


def test_the_dtype_as_stored(tiny_model_folder: Path, tmp_path: Path) -> None:
    from transformers import AutoModel

    folder = shutil.copytree(tiny_model_folder, tmp_path / "half")
    AutoModel.from_pretrained(folder).to(torch.bfloat16).save_pretrained(folder)
    assert load_text_model(folder, ModelOptions(dtype="auto")).dtype == "bfloat16"
    assert load_text_model(folder).dtype == "float32"


@pytest.mark.parametrize("placed", [{"device": "cpu"}, {"device_map": "auto"}, {"device_map": {"": "cpu"}}])
def test_placed_by_name_or_by_map(tiny_model_folder: Path, model: TextModel, placed: dict[str, Any]) -> None:
    there = states(load_text_model(tiny_model_folder, ModelOptions(**placed)), TEXTS)
    for layer, hidden in states(model, TEXTS).items():
        torch.testing.assert_close(there[layer].cpu(), hidden)


def test_blocks_that_are_brought_in_when_needed(tiny_model_folder: Path, tmp_path: Path, model: TextModel) -> None:
    from accelerate import disk_offload

    loaded = load_text_model(tiny_model_folder)
    # What accelerate does with a model larger than its devices: its weights come and go around each module.
    disk_offload(loaded._model, offload_dir=tmp_path, execution_device=torch.device("cpu"))
    assert loaded._model.device.type == "meta"
    for layer, hidden in states(model, TEXTS).items():
        assert torch.equal(states(loaded, TEXTS)[layer], hidden)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "int8"}, "'bfloat16'"),
        ({"device": "warp"}, "device='warp'"),
        ({"device": "cpu", "device_map": "auto"}, "exclude each other"),
        ({"revision": "main"}, "revision='main' is for models of the hub"),
    ],
)
def test_options_that_cannot_be(tiny_model_folder: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        load_text_model(tiny_model_folder, ModelOptions(**options))


def test_a_device_that_is_not_here(tiny_model_folder: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("it is here")
    with pytest.raises(OptionError, match="device='cuda' is not to be had"):
        load_text_model(tiny_model_folder, ModelOptions(device="cuda"))


def test_an_encoder_decoder_is_refused(tiny_model_folder: Path, tmp_path: Path) -> None:
    from transformers import T5Config, T5Model

    folder = shutil.copytree(tiny_model_folder, tmp_path / "tiny-t5")
    T5Model(T5Config(vocab_size=30, d_model=16, d_kv=8, d_ff=16, num_layers=2, num_heads=2)).save_pretrained(folder)
    with pytest.raises(InputError, match="an encoder with a decoder"):
        load_text_model(folder)


def test_a_model_that_runs_its_blocks_otherwise_is_refused(tiny_model_folder: Path, tmp_path: Path) -> None:
    from transformers import AlbertConfig, AlbertModel

    folder = shutil.copytree(tiny_model_folder, tmp_path / "tiny-albert")
    # One block, run three times.
    config = AlbertConfig(
        vocab_size=30,
        embedding_size=8,
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=32,
    )
    AlbertModel(config).save_pretrained(folder)
    with pytest.raises(InputError, match="0 lists of 3 blocks"):
        load_text_model(folder)


def test_weights_that_are_missing_are_not_made_up(tiny_model_folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(tiny_model_folder, tmp_path / "partial")
    weights = load_file(folder / "model.safetensors")
    del weights["layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"lacks 1 of the weights .*layers\.1\.mlp\.up_proj"):
        load_text_model(folder)


def test_a_tokenizer_that_transformers_rebuilds_otherwise(tiny_model_folder: Path, tmp_path: Path) -> None:
    from transformers import Qwen2Config, Qwen2Model

    # The folder's tokenizer is one of whole words; for a Qwen2 transformers takes its vocabulary as one of bytes.
    folder = shutil.copytree(tiny_model_folder, tmp_path / "tiny-qwen2")
    config = Qwen2Config(
        vocab_size=30, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2,
    )  # fmt: skip
    Qwen2Model(config).save_pretrained(folder)
    with pytest.warns(ForetellWarning, match="Qwen2Tokenizer, which cuts them otherwise"):
        load_text_model(folder)


def foreign(tiny_model_folder: Path, folder: Path) -> Path:
    """A model whose own code is needed to load it."""
    shutil.copytree(tiny_model_folder, folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "foreign", "auto_map": {"AutoConfig": "code.C", "AutoModel": "code.M"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "code.py").write_text(
        "from pathlib import Path\n"
        "from transformers import LlamaConfig, LlamaModel\n"
        f"Path({str(folder / 'ran')!r}).touch()\n"
        "class C(LlamaConfig):\n    model_type = 'foreign'\n"
        "class M(LlamaModel):\n    config_class = C\n"
    )
    return folder


def test_code_of_a_model_runs_only_when_it_is_trusted(
    tiny_model_folder: Path, tmp_path: Path, model: TextModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    folder = foreign(tiny_model_folder, tmp_path / "foreign")
    before = describe_model(folder)
    with pytest.raises(InputError, match="code that comes with it is not run"):
        load_text_model(folder)
    assert not (folder / "ran").exists()
    trusted = load_text_model(folder, ModelOptions(trust_remote_code=True))
    assert (folder / "ran").exists()
    # The code is part of what the model is.
    assert trusted.info.revision != before.revision
    for layer, hidden in states(model, TEXTS).items():
        torch.testing.assert_close(states(trusted, TEXTS)[layer], hidden)


def test_pickled_weights_only_when_they_are_allowed(tiny_model_folder: Path, tmp_path: Path, model: TextModel) -> None:
    from safetensors.torch import load_file

    folder = shutil.copytree(tiny_model_folder, tmp_path / "pickled")
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="only read with allow_pickle=True"):
        load_text_model(folder)
    loaded = load_text_model(folder, ModelOptions(allow_pickle=True))
    for layer, hidden in states(model, TEXTS).items():
        torch.testing.assert_close(states(loaded, TEXTS)[layer], hidden)


class Bomb:
    """An object that runs something when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.file,)


def test_allowed_pickles_hold_tensors_only(tiny_model_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model_folder, tmp_path / "bomb")
    (folder / "model.safetensors").unlink()
    torch.save({"norm.weight": Bomb(tmp_path / "ran")}, folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="cannot load"):
        load_text_model(folder, ModelOptions(allow_pickle=True))
    assert not (tmp_path / "ran").exists()


def test_a_reading_of_chosen_tokens(model: TextModel) -> None:
    """Token numbers may be given without a text."""
    (read,) = model.read(TEXTS[:1])
    seen: dict[str, Any] = {}
    model.hidden_states([Reading(read.values, read.length, read.places)], seen.__setitem__)
    assert np.array_equal(seen["1"].numpy(), states(model, TEXTS[:1])["1"].numpy())
