"""Emoji as images, and captions made of their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from foretell.exceptions import InputError, OptionError
from foretell.representations.builtin import emoji_names, emoji_pictures
from foretell.representations.data.pairs import Pairs

NAME = "emoji-captions"

TEMPLATES: Mapping[str, str] = {"en": "This is a picture of {name}."}
"""Captions by language. In others a sentence needs endings or articles that fit the name, so the name alone is the
caption."""

_SLOT = "{name}"


def load(sides: Sequence[str], *, template: str | Mapping[str, str] | None = None) -> Pairs:
    """Emoji that some hands have drawn and some languages name.

    Items, ids and groups are those of `emoji_pictures`; emoji that a language does not name are left out and counted.

    Parameters
    ----------
    sides : sequence of str
        Hands ("google", "twitter", "fluent") and language codes, one of each kind at least.
    template : str or mapping of str to str, optional
        A caption with ``{name}`` in it, for all languages or by language. `TEMPLATES` by default.

    Raises
    ------
    OptionError
        For a wrong side or template; the message lists the valid sides.
    InputError
        If a package is not as it should be, or no item is left.
    FetchError
        If a package is not in the cache and cannot be fetched.
    """
    hands = [side for side in sides if side in emoji_pictures.HANDS]
    languages = [side for side in sides if side not in hands]
    if not hands or not languages:
        raise OptionError(
            f"sides={list(sides)!r} must have one of {', '.join(emoji_pictures.HANDS)} and a language, such as 'en'."
        )
    templates = _templates(template, languages)
    pictures = emoji_pictures.load(hands)
    texts = emoji_names.load(languages)
    rows = {item: row for row, item in enumerate(texts.ids)}
    kept = [row for row, item in enumerate(pictures.ids) if item in rows]
    if not kept:
        raise InputError(f"{NAME} has no emoji that all of {', '.join(languages)} name: choose other languages.")
    unnamed = len(pictures) - len(kept)
    chosen = pictures.take(kept, dropped={"no name in a language": unnamed} if unnamed else None)
    return replace(
        chosen,
        name=NAME,
        texts={
            side: tuple(templates[side].replace(_SLOT, texts.texts[side][rows[item]]) for item in chosen.ids)
            for side in languages
        },
        licence=f"{chosen.licence}, {texts.licence}",
        source=f"{chosen.source}, {texts.source}",
    )


def _templates(template: str | Mapping[str, str] | None, languages: Sequence[str]) -> dict[str, str]:
    if isinstance(template, str):
        template = dict.fromkeys(languages, template)
    if template is not None and not isinstance(template, Mapping):
        raise OptionError(f"template={template!r} must be a caption with {_SLOT} in it, or one for each language.")
    chosen = {side: (TEMPLATES if template is None else template).get(side, _SLOT) for side in languages}
    for side, caption in chosen.items():
        if not isinstance(caption, str) or _SLOT not in caption:
            raise OptionError(f"template={caption!r} for {side!r} must have {_SLOT} in it, where the name goes.")
    return chosen
