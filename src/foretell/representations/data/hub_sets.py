"""Sets of the Hugging Face hub, or folders laid out like them, through the `datasets` library."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from foretell.exceptions import InputError, check_option, require
from foretell.representations.cache import is_offline
from foretell.representations.data.table_rows import Choice, Row, Rows


def read_hub(
    name: str,
    choice: Choice,
    *,
    config: str | None = None,
    split: str = "train",
    revision: str | None = None,
    licence: str | None = None,
) -> Rows:
    """Read a set of the hub.

    It is fetched into the library's own cache on first use, and read from disk row by row. No code of a set is
    ever run: sets that need their own script cannot be read.

    Parameters
    ----------
    name : str
        ``OWNER/NAME`` on the hub, or a folder of data files.
    choice : Choice
        Which columns are wanted. Those that the set calls images are.
    config, split, revision : str, optional
        As the set's page has them: such as ``en-fr``, ``train``, a commit. Without a revision it is the newest, so name
        one where a study is to be run again.
    licence : str, optional
        What the set says by default.

    Returns
    -------
    Rows
        Called "row 16" by their number from 0 in the split.

    Raises
    ------
    InputError
        If there is no such set, config or split, or it cannot be fetched or read.
    """
    for option, value in (("config", config), ("split", split), ("revision", revision)):
        check_option(option, isinstance(value, str) or (value is None and option != "split"), (True,))
    datasets = require("datasets", "hf")
    folder = Path(name).resolve() if Path(name).is_dir() else None
    try:
        with _offline_if_asked(datasets):
            found = datasets.load_dataset(str(folder or name), name=config, split=split, revision=revision)
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        said = " ".join(str(error).split())[:300]
        raise InputError(
            f"The hub's set {name!r} (config {config!r}, split {split!r}) cannot be loaded ({said}): "
            "look at its name, config and split, and whether there is a network."
        ) from error
    pictures = frozenset(column for column, kind in found.features.items() if isinstance(kind, datasets.Image))
    for column in pictures:
        # Files as they are: they are decoded when a model reads them.
        found = found.cast_column(column, datasets.Image(decode=False))
    heads = {"translation", *choice.wanted, *(column.partition(".")[0] for column in choice.wanted)}
    wanted = [column for column in found.column_names if column in heads]
    if wanted:
        found = found.select_columns(wanted)
    version = f"revision {revision}" if revision else f"{len(found)} rows"
    caches = (Path(datasets.config.HF_CACHE_HOME), Path(datasets.config.HF_DATASETS_CACHE))
    return Rows(
        name=Path(name).name + (f" {config}" if config else ""),
        source=f"{Path(name).name if folder else name}, split {split}, {version}",
        licence=licence or str(found.info.license or "not stated"),
        rows=(Row(f"row {number}", cells) for number, cells in enumerate(found)),
        picture_columns=pictures,
        roots=(folder,) if folder else caches,
    )


@contextmanager
def _offline_if_asked(datasets: Any) -> Iterator[None]:
    """Have the library reach for nothing: it looks at the environment once, when it is imported."""
    constants = require("huggingface_hub.constants", "hf")
    flags = [
        (datasets.config, "HF_HUB_OFFLINE"),
        (datasets.config, "HF_DATASETS_OFFLINE"),
        (constants, "HF_HUB_OFFLINE"),
    ]
    usual = [getattr(where, name) for where, name in flags]
    try:
        for where, name in flags if is_offline() else []:
            setattr(where, name, True)
        yield
    finally:
        for (where, name), value in zip(flags, usual, strict=True):
            setattr(where, name, value)
