"""The kinds of study: how each chooses what it needs, and how it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from foretell.studies.answer import Answer
from foretell.studies.config.study_file import Study
from foretell.studies.controls.controls import answer_controls, arrange_controls
from foretell.studies.depth import answer_depth
from foretell.studies.map import answer_map
from foretell.studies.preparation import prepare
from foretell.studies.preparation.compared import Compared
from foretell.studies.preparation.stores import Stores
from foretell.studies.token_pairs import answer_token_pairs
from foretell.studies.tokens import answer_tokens, arrange_tokens


@dataclass(frozen=True)
class Kind:
    """How a kind of study is carried out.

    Parameters
    ----------
    arrange : callable
        From the study and where its stores are to what it is of.
    answer : callable
        From the study and its comparisons, extracted, to what it answers.
    """

    arrange: Callable[[Any, Stores], prepare.Arrangement]
    answer: Callable[[Any, Sequence[Compared]], Answer]


KINDS: Mapping[str, Kind] = {
    "depth": Kind(partial(prepare.arrange, halves=True, paired=True), answer_depth),
    "map": Kind(partial(prepare.arrange, halves=True), answer_map),
    "tokens": Kind(arrange_tokens, answer_tokens),
    "token-pairs": Kind(prepare.arrange, answer_token_pairs),
    "controls": Kind(arrange_controls, answer_controls),
}


def arrange(study: Study, stores: Stores) -> prepare.Arrangement:
    """Choose what a study needs."""
    return KINDS[study.study].arrange(study, stores)


def answer(study: Study, compared: Sequence[Compared]) -> Answer:
    """Answer a study whose sides are extracted."""
    return KINDS[study.study].answer(study, compared)
