"""What the gallery shows: studies, their figures, and the paper's statements that each may test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from examples.studies import vision_studies

from foretell.studies.config.study_file import Study, load_study
from gallery import statements
from gallery.statements import Statement

__all__ = ["Entry", "entries"]


@dataclass(frozen=True)
class Entry:
    """One study of the gallery.

    Attributes
    ----------
    name : str
        Of its folder and its images.
    title : str
    command : str
        How a reader repeats it.
    study : Study
    figures : sequence of str
        Those of its figures that are shown.
    statements : sequence of Statement
        Of the paper.
    """

    name: str
    title: str
    command: str
    study: Study
    figures: Sequence[str]
    statements: Sequence[Statement]


@dataclass(frozen=True)
class _Preset:
    name: str
    figures: Sequence[str]
    statements: Sequence[Statement]


_PRESETS = (
    _Preset("depth", ("depth", "plane"), (statements.CENTRAL_LAYERS,)),
    _Preset("languages", ("asymmetries",), (statements.ENGLISH_FORETELLS_BETTER,)),
    _Preset(
        "tokens", ("depth-en-es", "tokens-en-es", "greedy-en-es"), (statements.MANY_TOKENS, statements.CONCATENATE)
    ),
    _Preset(
        "token-pairs",
        ("en-es_within-en", "en-es_across"),
        (statements.LONG_RANGE_INSIDE, statements.LEFT_TO_RIGHT),
    ),
    _Preset(
        "models",
        ("map-gemma3-270m-smollm2-135m", "equal-depth-gemma3-270m-smollm2-135m"),
        (statements.LARGER_FORETELLS_SMALLER,),
    ),
    _Preset("images", ("depth", "beside-google-twitter_all"), ()),
    _Preset("captions", ("asymmetries", "map-minilm-l6-efficientnet-lite0"), ()),
    _Preset("controls", ("controls", "reference", "beside"), (statements.SHUFFLED_IS_ONE, statements.BITS_SUFFICE)),
)


def entries() -> list[Entry]:
    """Every study of the gallery: the presets, and those of the two vision models that are trained here."""
    found = [
        Entry(
            preset.name,
            str(load_study(preset.name)[1].title),
            f"foretell run {preset.name}",
            load_study(preset.name)[1],
            preset.figures,
            preset.statements,
        )
        for preset in _PRESETS
    ]
    return [*found, *_of_trained_models()]


def _of_trained_models() -> list[Entry]:
    """`images` and `captions` through an autoregressive and an encoding transformer, on pictures new to both."""
    studies = vision_studies()
    return [
        Entry(
            "images-trained",
            "Two pictures of one meaning, through models that learned differently",
            "python -m examples.studies",
            studies["images"],
            ("depth",),
            (statements.AUTOREGRESSIVE_IMAGES_INSIDE, statements.ENCODER_IMAGES_AT_THE_END),
        ),
        Entry(
            "captions-trained",
            "Captions against models that learned differently",
            "python -m examples.studies",
            studies["captions"],
            ("asymmetries",),
            (
                statements.CAPTIONS_FORETELL_IMAGES,
                statements.AUTOREGRESSIVE_TO_TEXT,
                statements.BEYOND_CLIP,
            ),
        ),
    ]
