"""Words for people in place of codes: sides, directions and depths as figures and summaries name them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["direction_name", "direction_sentence", "side_name", "sides_of"]

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
    """The side that foretells and the side foretold, for a direction of a result with these attributes."""
    a, b = str(attrs["side_a"]), str(attrs["side_b"])
    return (a, b) if direction == "a_to_b" else (b, a)


def direction_name(attrs: Mapping[Any, Any], direction: str) -> str:
    """A direction as codes: `en → es`."""
    source, target = sides_of(attrs, direction)
    return f"{source} → {target}"


def direction_sentence(attrs: Mapping[Any, Any], direction: str) -> str:
    """A direction in words, which say what its arrow means: `English foretells Spanish`."""
    source, target = sides_of(attrs, direction)
    return f"{side_name(source)} foretells {side_name(target)}"
