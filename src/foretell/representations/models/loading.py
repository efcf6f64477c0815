"""Text models loaded with transformers: safe by default, on the device and in the type that were asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from foretell.exceptions import ForetellWarning, InputError, OptionError, check_option, require, warn
from foretell.representations.models.base import DTYPES
from foretell.representations.models.blocks import text_part
from foretell.representations.models.quiet import quiet_transformers, reason_of
from foretell.representations.models.random_weights import random_model
from foretell.representations.models.source import ModelInfo, describe_model, pickled_weights
from foretell.representations.models.text import TextModel

__all__ = ["AS_STORED", "from_folder", "load_text_model", "placement"]

AS_STORED = "auto"

_SAMPLE = "The old house's 2 red doors; la maison où l'été dure, 红色的房子 🙂"


def load_text_model(
    name: str | os.PathLike[str],
    *,
    revision: str | None = None,
    dtype: str = "float32",
    device: str = "auto",
    device_map: str | Mapping[str, Any] | None = None,
    trust_remote_code: bool = False,
    allow_pickle: bool = False,
    random_weights: int | None = None,
    cache: Path | None = None,
) -> TextModel:
    """Load a text model's blocks, without its output head; what is missing is fetched and decoded on first use.

    Parameters
    ----------
    name : str or path
        What `describe_model` takes: a built-in name, a folder in the hub's layout, a GGUF file, ``package:NAME``, or a
        hub id.
    revision : str, optional
        Of a hub model: a commit, branch or tag.
    dtype : {"float32", "bfloat16", "float16", "auto"}
        In which the model is run; "auto" as its weights are stored.
    device : str
        "cpu", "cuda", "cuda:1", "mps", ...; "auto" is a CUDA device where there is one, else the CPU.
    device_map : str or mapping, optional
        Spreads the blocks over several devices, as accelerate does it: "auto" by what fits. In place of `device`.
    trust_remote_code : bool
        Whether Python code that comes with the model may run. It can do anything: read it first.
    allow_pickle : bool
        Whether pickled weights are read where there are no safetensors; even so nothing but tensors is unpickled.
    random_weights : int, optional
        Seed of weights to be drawn in place of the model's own, as it is initialised for training: what such a model
        shows is owed to its architecture and its reading alone. The same seed gives the same bits; torch's own
        generators are left as they are.
    cache : Path, optional
        Folder of Foretell's cache, `cache_dir()` by default.

    Raises
    ------
    OptionError
        For an unknown name, dtype, device or seed.
    InputError
        If the folder lacks a file, or transformers cannot load it, or it is no plain decoder or encoder.
    FetchError
        If what must be fetched cannot be.
    """
    check_option("dtype", dtype, (*DTYPES, AS_STORED))
    placed = placement(device, device_map)
    info = describe_model(
        name,
        revision=revision,
        trust_remote_code=trust_remote_code,
        allow_pickle=allow_pickle,
        random_weights=random_weights,
        cache=cache,
    )
    model, tokenizer = from_folder(
        info,
        dtype,
        placed,
        trust_remote_code=trust_remote_code,
        random_weights=random_weights,
        reader="AutoTokenizer",
    )
    _check_tokenizer(tokenizer, info)
    model = text_part(model).eval()
    # Keys and values are for generating; here they would only take memory.
    model.config.use_cache = False
    loaded = TextModel(info, model=model, tokenizer=tokenizer)
    if loaded.dtype not in DTYPES:
        raise OptionError(f"{info.id} is stored as {loaded.dtype}: choose a dtype of {', '.join(DTYPES)}.")
    return loaded


def placement(device: str, device_map: str | Mapping[str, Any] | None) -> Any:
    """Transformers' device_map: accelerate loads each weight straight to where it belongs."""
    torch = require("torch", "hf")
    if device_map is not None:
        if device != "auto":
            raise OptionError(f"device={device!r} and device_map={device_map!r} exclude each other: give one of them.")
        return dict(device_map) if isinstance(device_map, Mapping) else device_map
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        # What torch was not built for, or does not find, shows with the first number put there.
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise OptionError(
            f"device={device!r} is not to be had here: choose 'auto', 'cpu', or one that torch sees."
        ) from error
    return {"": device}


def from_folder(
    info: ModelInfo,
    dtype: str,
    placed: Any,
    *,
    trust_remote_code: bool,
    random_weights: int | None,
    reader: str,
    **options: Any,
) -> tuple[Any, Any]:
    """A model with all its weights, and what reads for it: one of transformers' Auto classes with its `options`."""
    torch, transformers = require("torch", "hf"), require("transformers", "hf")
    require("accelerate", "hf")
    local = {"local_files_only": True, "trust_remote_code": trust_remote_code}
    try:
        with quiet_transformers():
            config = transformers.AutoConfig.from_pretrained(info.folder, **local)
            _refuse_encoder_decoders(config, info)
            reads = getattr(transformers, reader).from_pretrained(info.folder, **options, **local)
            placing = {
                "dtype": dtype if dtype == AS_STORED else getattr(torch, dtype),
                "device_map": placed,
                "output_loading_info": True,
            }
            if random_weights is None:
                model, report = transformers.AutoModel.from_pretrained(
                    info.folder, config=config, use_safetensors=not pickled_weights(info.folder), **placing, **local
                )
            else:
                model, report = random_model(
                    config, name=info.id, seed=random_weights, trust_remote_code=trust_remote_code, **placing
                )
    except InputError:
        raise
    # Code of the model's own may fail in its own ways.
    except Exception as error:
        remedy = "check its files" if trust_remote_code else "check its files; code that comes with it is not run"
        raise InputError(f"transformers cannot load {info.folder} ({reason_of(error)}): {remedy}.") from error
    # Transformers fills what the file lacks with random numbers. A pooler comes after the last layer and is not read.
    missing = sorted(key for key in report["missing_keys"] if "pooler." not in key)
    if missing:
        raise InputError(
            f"{info.folder} lacks {len(missing)} of the weights of a {type(model).__name__} ({missing[0]}, ...): "
            "it was saved under other names or in part."
        )
    return model, reads


def _refuse_encoder_decoders(config: Any, info: ModelInfo) -> None:
    if getattr(config, "is_encoder_decoder", False):
        raise InputError(
            f"{info.id} ({config.model_type}) is an encoder with a decoder, which has no single run of layers: save "
            "its encoder as a model of its own, or choose a plain decoder or encoder."
        )


def _check_tokenizer(tokenizer: Any, info: ModelInfo) -> None:
    """Warn where transformers, going by the kind of model, builds another tokenizer than tokenizer.json describes."""
    file = info.folder / "tokenizer.json"
    # This class takes the file as it is; the others take its vocabulary.
    if type(tokenizer).__name__ == "TokenizersBackend" or not file.is_file():
        return
    described = require("tokenizers", "hf").Tokenizer.from_file(str(file))
    described.no_truncation()
    described.no_padding()
    if described.encode(_SAMPLE, add_special_tokens=False).ids != tokenizer.encode(_SAMPLE, add_special_tokens=False):
        warn(
            f"{info.id}: transformers reads texts with its {type(tokenizer).__name__}, which cuts them otherwise than "
            f"the tokenizer.json in {info.folder} says: look at what `TextModel.read` gives.",
            ForetellWarning,
        )
