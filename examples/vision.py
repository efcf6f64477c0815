"""Train two small vision transformers that are alike but for what they learn from, unless the cache has them.

    python -m examples.vision

Run it in the repository's folder. It needs the pictures: `foretell data fetch emoji-pictures`.
"""

from __future__ import annotations

import json
from pathlib import Path

import foretell
from examples import autoregressive, encoder
from examples.autoregressive import AutoregressiveRecipe
from examples.emoji_split import Split, split
from examples.encoder import EncoderRecipe
from examples.training import REPORT, trained
from foretell.files import replacing
from foretell.representations.cache import cache_dir

__all__ = ["held_out_ids", "trained_models"]


def trained_models(
    cache: Path | None = None,
    *,
    emoji: Split | None = None,
    by_pixels: AutoregressiveRecipe | None = None,
    by_views: EncoderRecipe | None = None,
) -> dict[str, Path]:
    """Folders of the two models, trained now unless the cache has them.

    Parameters
    ----------
    cache : Path, optional
        Folder of Foretell's cache, `cache_dir()` by default.
    emoji : Split, optional
        What they are trained on; the packaged pictures by default.
    by_pixels, by_views : recipes, optional
        How the two are made.

    Returns
    -------
    dict of str to Path
        "autoregressive" and "encoder", each to a folder for `foretell.load_model(str(folder), modality="image")`.

    Raises
    ------
    FetchError
        If the pictures are not in the cache and cannot be fetched.
    """
    emoji = emoji or split()
    return {
        "autoregressive": trained(
            "emoji-image-gpt", by_pixels or AutoregressiveRecipe(), autoregressive.train, emoji, cache=cache
        ),
        "encoder": trained("emoji-vit", by_views or EncoderRecipe(), encoder.train, emoji, cache=cache),
    }


def held_out_ids(cache: Path | None = None) -> Path:
    """File of the items whose meanings neither model was shown, one id a line."""
    file = (cache or cache_dir()) / "trained" / "emoji-held-out.txt"
    with replacing(file) as made:
        made.write_text("\n".join(split().held_out.ids) + "\n", encoding="utf-8")
    return file


def main() -> None:
    """Train both, and say what they are and what they can do."""
    for kind, folder in trained_models().items():
        report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
        model = foretell.load_model(str(folder), modality="image")
        print(f"{kind}: {folder}\n  {model}, trained in {report['seconds']} s on {report['threads']} threads")
        for name, value in report["found"].items():
            print(f"  {name.replace('_', ' ')}: {value:,.4g}" if isinstance(value, float) else f"  {name}: {value:,}")
    print(f"items held out: {held_out_ids()}")


if __name__ == "__main__":
    main()
