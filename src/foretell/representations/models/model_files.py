"""Files of a model in the hub's layout: fetched from the Hugging Face hub into its own cache, hashed, their licence."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from foretell.exceptions import FetchError, InputError, require
from foretell.representations.cache import is_offline, sha256_of
from foretell.representations.models.base import ModelOptions
from foretell.representations.models.quiet import reason_of

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_TEXTS = ("*.json", "*.txt", "*.model", "README.md")
# Weights in other formats lie in folders of their own, and Mistral's also lie there a second time.
_NEVER = ("*/*", "consolidated*")


def is_hub_id(name: str) -> bool:
    """Whether a name looks like the hub's ``organisation/model``."""
    return _HUB_ID.fullmatch(name) is not None


def snapshot(name: str, options: ModelOptions) -> tuple[Path, str]:
    """Folder of a hub model's files, fetched unless the hub's cache has them, and the hash of its commit.

    Parameters
    ----------
    name : str
        ``organisation/model``.
    options : ModelOptions
        Pickled weights and Python files are fetched only where they are allowed.

    Raises
    ------
    FetchError
        If it is not on the hub or not to be had, or if it is not in the cache and HF_HUB_OFFLINE or FORETELL_OFFLINE
        is set.
    """
    hub = require("huggingface_hub", "hf")
    allowed = [*_TEXTS, "*.safetensors"]
    if options.allow_pickle:
        allowed.append("pytorch_model*.bin")
    if options.trust_remote_code:
        allowed.append("*.py")
    revision = options.revision
    try:
        found = hub.snapshot_download(
            name, revision=revision, allow_patterns=allowed, ignore_patterns=list(_NEVER), local_files_only=is_offline()
        )
    # The hub's own errors are OSErrors or ValueErrors; a bad answer in between is neither.
    except Exception as error:
        at = f" at revision {revision!r}" if revision else ""
        raise FetchError(
            f"{name}{at} could not be had from the Hugging Face hub or its cache ({reason_of(error)}): check the id "
            "and the revision, the network (HF_HUB_OFFLINE and FORETELL_OFFLINE forbid it), and for gated models "
            "`hf auth login`."
        ) from error
    folder = Path(found)
    # The hub names a snapshot's folder by its commit.
    return folder, folder.name


def stated_licence(folder: Path) -> str:
    """The licence that a model card in the folder states, or "not stated"."""
    card = folder / "README.md"
    if not card.is_file():
        return "not stated"
    try:
        said = require("huggingface_hub.repocard", "hf").metadata_load(card) or {}
    except Exception:
        # A card is written by hand; one that cannot be read states nothing.
        return "not stated"
    licence = said.get("license")
    if licence == "other":
        licence = said.get("license_name", licence)
    return licence if isinstance(licence, str) else "not stated"


def computing_files(folder: Path, options: ModelOptions) -> list[Path]:
    """The files of a folder that decide what its model computes: configuration, weights, and code where it may run.

    Raises
    ------
    InputError
        If the only weights are pickles and `options` do not allow them, or there are none.
    """
    pickles = sorted(folder.glob("pytorch_model*.bin")) if options.allow_pickle else []
    weights = sorted(folder.glob("*.safetensors")) or pickles
    if not weights:
        raise InputError(
            f"The model folder {folder} has no *.safetensors, and pickled weights (pytorch_model.bin) are only read "
            "with allow_pickle=True: save the model again with save_pretrained, which writes safetensors."
        )
    code = sorted(folder.glob("*.py")) if options.trust_remote_code else []
    return [folder / "config.json", *weights, *code]


def combined_sha256(files: Iterable[Path]) -> str:
    """One hash of several files: of their names and hashes, so that moving bytes between them shows."""
    lines = "".join(f"{file.name} {sha256_of(file)}\n" for file in files)
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"
