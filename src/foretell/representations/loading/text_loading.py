"""Text models loaded with transformers: safe by default, on the device and in the type that were asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from foretell.exceptions import ForetellWarning, InputError, OptionError, require, warn
from foretell.representations.loading.describe_model import describe_model
from foretell.representations.models.info import ModelInfo, pickled_weights
from foretell.representations.models.model_options import AS_STORED, DEFAULTS, DTYPES, ModelOptions
from foretell.representations.models.quiet import quiet_transformers, reason_of
from foretell.representations.models.random_weights import random_model
from foretell.representations.models.text import TextModel
from foretell.representations.models.transformer_blocks import text_part

__all__ = ["from_folder", "load_text_model", "placement"]

_SAMPLE = "The old house's 2 red doors; la maison où l'été dure, 红色的房子 🙂"


def load_text_model(name: str | os.PathLike[str], options: ModelOptions = DEFAULTS) -> TextModel:
    """Load a text model's blocks, without its output head, as `load_model` does."""
    placed = placement(options)
    info = describe_model(name, "text", options)
    model, tokenizer = from_folder(info, options, placed, reader="AutoTokenizer")
    _check_tokenizer(tokenizer, info)
    model = text_part(model).eval()
    # Keys and values are for generating; here they would only take memory.
    model.config.use_cache = False
    loaded = TextModel(info, model=model, tokenizer=tokenizer)
    if loaded.dtype not in DTYPES:
        raise OptionError(f"{info.id} is stored as {loaded.dtype}: choose a dtype of {', '.join(DTYPES)}.")
    return loaded


def placement(options: ModelOptions) -> Any:
    """Transformers' device_map: accelerate loads each weight straight to where it belongs."""
    torch = require("torch", "hf")
    device, device_map = options.device, options.device_map
    if device_map is not None:
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
    info: ModelInfo, options: ModelOptions, placed: Any, *, reader: str, **of_reader: Any
) -> tuple[Any, Any]:
    """A model with all its weights, and what reads for it: one of transformers' Auto classes, and its options."""
    torch, transformers = require("torch", "hf"), require("transformers", "hf")
    require("accelerate", "hf")
    local = {"local_files_only": True, "trust_remote_code": options.trust_remote_code}
    try:
        with quiet_transformers():
            config = transformers.AutoConfig.from_pretrained(info.folder, **local)
            _refuse_encoder_decoders(config, info)
            reads = getattr(transformers, reader).from_pretrained(info.folder, **of_reader, **local)
            placing = {
                "dtype": options.dtype if options.dtype == AS_STORED else getattr(torch, options.dtype),
                "device_map": placed,
                "output_loading_info": True,
            }
            if options.random_weights is None:
                model, report = transformers.AutoModel.from_pretrained(
                    info.folder, config=config, use_safetensors=not pickled_weights(info.folder), **placing, **local
                )
            else:
                model, report = random_model(
                    config,
                    name=info.id,
                    seed=options.random_weights,
                    trust_remote_code=options.trust_remote_code,
                    **placing,
                )
    except InputError:
        raise
    # Code of the model's own may fail in its own ways.
    except Exception as error:
        remedy = (
            "check its files" if options.trust_remote_code else "check its files; code that comes with it is not run"
        )
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
