"""Words for people in place of codes: sides, directions and depths as figures and summaries name them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["direction_name", "direction_sentence", "in_words", "short_names", "side_name", "sides_of"]

_LANGUAGES = {
    "ar": "Arabic",
    "bg": "Bulgarian",
    "ca": "Catalan",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "et": "Estonian",
    "fi": "Finnish",
    "fr": "French",
    "he": "Hebrew",
    "hi": "Hindi",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "nb": "Norwegian",
    "nl": "Dutch",
    "no": "Norwegian",
    "pl": "Polish",
    "pt": "Portuguese",
    "pt-br": "Brazilian Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sk": "Slovak",
    "sl": "Slovenian",
    "sr": "Serbian",
    "sv": "Swedish",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "vi": "Vietnamese",
    "zh-hans": "Chinese",
    "zh-hant": "Traditional Chinese",
}


def side_name(side: str) -> str:
    """A side in words where it is the code of a well-known language, else as it is."""
    return _LANGUAGES.get(side.lower(), side)


def sides_of(attrs: Mapping[Any, Any], direction: str) -> tuple[str, str]:
    """What predicts and what is predicted, as codes, for a direction of a result with these attributes.

    Sides, where one model read both; models, where both read one side; else sides by their models. Of a result that no
    study made, which names neither, A and B.
    """
    if "side_a" not in attrs:
        return ("A", "B") if direction == "a_to_b" else ("B", "A")
    a, b = ((str(attrs[f"side_{side}"]), str(attrs.get(f"model_{side}", ""))) for side in "ab")
    if a == b:  # one model in two ways: in two dtypes, or by two token rules
        names = f"{a[0]} (A)", f"{b[0]} (B)"
    elif a[1] == b[1]:
        names = a[0], b[0]
    elif a[0] == b[0]:
        names = a[1], b[1]
    else:
        names = f"{a[0]} by {a[1]}", f"{b[0]} by {b[1]}"
    return names if direction == "a_to_b" else names[::-1]


def short_names(attrs: Mapping[Any, Any]) -> tuple[str, str]:
    """What is enough to tell A from B: the sides, or where both are one, the models."""
    sides = str(attrs["side_a"]), str(attrs["side_b"])
    return sides if sides[0] != sides[1] else (str(attrs["model_a"]), str(attrs["model_b"]))


def direction_name(attrs: Mapping[Any, Any], direction: str) -> str:
    """A direction as codes: `en → es`."""
    source, target = sides_of(attrs, direction)
    return f"{source} → {target}"


def direction_sentence(attrs: Mapping[Any, Any], direction: str) -> str:
    """A direction in words, which say what its arrow means: `English predicts Spanish`."""
    source, target = (in_words(name) for name in sides_of(attrs, direction))
    return f"{source} predicts {target}"


def in_words(name: str) -> str:
    """A side in words, and what follows its name as it is: its model, or a letter."""
    for sign in (" by ", " (A)", " (B)"):
        side, found, model = name.partition(sign)
        if found:
            return f"{side_name(side)}{found}{model}"
    return side_name(name)
