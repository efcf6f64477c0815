"""Quantised GGUF weights, decoded once into a folder in the hub's layout.

Transformers decodes a GGUF file at every load, which takes 15 to 40 seconds. Here that is done once; the
float32 weights are kept as safetensors and load in a second or two, with identical hidden states.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from foretell.exceptions import InputError, require
from foretell.representations.cache import made_folder, origin_of, sha256_of
from foretell.representations.models.quiet import quiet_transformers, reason_of


def decoded_gguf(file: Path, *, cache: Path | None = None) -> tuple[Path, str, str]:
    """Decode a GGUF file unless the cache holds its weights: (folder, sha256 of the file, licence that it states)."""
    sha256 = sha256_of(file)

    def make(folder: Path, _scratch: Path) -> dict[str, str]:
        decode_gguf(file, folder)
        return {"weights_sha256": sha256, "licence": _stated_licence(file)}

    folder = made_folder(f"gguf-{sha256[:32]}", make, cache=cache)
    return folder, sha256, origin_of(folder)["licence"]


def decode_gguf(file: Path, folder: Path) -> None:
    """Write a GGUF file's weights, configuration and tokenizer in the hub's layout.

    Raises
    ------
    InputError
        If transformers cannot read the file, or does not know its architecture.
    """
    torch, transformers = require("torch", "hf"), require("transformers", "hf")
    for needed in ("gguf", "accelerate"):
        require(needed, "hf")
    source = {"gguf_file": file.name, "local_files_only": True}
    with quiet_transformers(), _without_bar():
        try:
            quantised = transformers.AutoModel.from_pretrained(file.parent, dtype=torch.float32, **source)
            tokenizer = transformers.AutoTokenizer.from_pretrained(file.parent, **source)
        except (OSError, ValueError, KeyError, IndexError, NotImplementedError, RuntimeError) as error:
            raise InputError(
                f"transformers cannot decode {file} ({reason_of(error)}): give the model "
                "as a folder with safetensors instead."
            ) from error
        # A model read from GGUF refuses to be saved, although its weights are plain floats by now: they
        # go into a fresh model whose configuration does not call it quantised.
        settings = quantised.config.to_dict()
        settings.pop("quantization_config", None)
        model = type(quantised)(transformers.AutoConfig.for_model(**settings))
        model.load_state_dict(quantised.state_dict())
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


@contextmanager
def _without_bar() -> Iterator[None]:
    """Hold back the bar of the reader of GGUF files, which is tqdm's own and heeds no setting of transformers."""
    reader: Any = require("transformers.modeling_gguf_pytorch_utils", "hf")
    usual = getattr(reader, "tqdm", None)
    if usual is None:  # in another version
        yield
        return
    reader.tqdm = partial(usual, disable=True)
    try:
        yield
    finally:
        reader.tqdm = usual


def _stated_licence(file: Path) -> str:
    field = require("gguf", "hf").GGUFReader(file).get_field("general.license")
    return str(field.contents()) if field is not None else "not stated"
