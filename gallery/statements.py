"""What the paper (arXiv 2505.17101) states, and whether a study's numbers agree, as its tables say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from foretell.studies.answer import Answer

__all__ = [
    "AUTOREGRESSIVE_IMAGES_INSIDE",
    "AUTOREGRESSIVE_TO_TEXT",
    "BEYOND_CLIP",
    "BITS_SUFFICE",
    "CAPTIONS_FORETELL_IMAGES",
    "CENTRAL_LAYERS",
    "CONCATENATE",
    "ENCODER_IMAGES_AT_THE_END",
    "ENGLISH_FORETELLS_BETTER",
    "LARGER_FORETELLS_SMALLER",
    "LEFT_TO_RIGHT",
    "LONG_RANGE_INSIDE",
    "MANY_TOKENS",
    "SHUFFLED_IS_ONE",
    "Statement",
    "Verdict",
]

LEVEL = 0.05
_MANY = 10
"""Tokens from which they are called many."""

MARGIN = 0.05
"""Difference of imbalances below which two are called equal."""

Word = Literal["agrees", "agrees in part", "disagrees", "disagrees in part", "not resolved", "cannot be tested"]


@dataclass(frozen=True)
class Verdict:
    """Whether numbers agree with a statement, and which numbers those are."""

    word: Word
    why: str


@dataclass(frozen=True)
class Statement:
    """What the paper states, and how a study tests it."""

    text: str
    judge: Callable[[Answer], Verdict]


def _rows(answer: Answer, table: str, **wanted: Any) -> list[Mapping[str, Any]]:
    return [row for row in answer.tables[table] if all(row[key] == value for key, value in wanted.items())]


def _word(agree: int, disagree: int, of: int) -> Word:
    """A verdict over several tests, of which so many agree and so many disagree, each by an interval or a test."""
    if agree == of:
        return "agrees"
    if disagree == of:
        return "disagrees"
    if agree:
        return "agrees in part"
    return "disagrees in part" if disagree else "not resolved"


def _depths(answer: Answer, row: Mapping[str, Any]) -> list[float]:
    """Relative depths of the layers that may be the least of a curve (95 %); of a flat curve all of them."""
    curve = answer.results[row["comparison"]]
    named = dict(zip(map(str, curve["layer"].to_numpy()), curve["relative_depth"].to_numpy().tolist(), strict=True))
    return list(named.values()) if row["flat"] else [named[layer] for layer in row["may_be_least"].split()]


def _where_least(answer: Answer, rows: Sequence[Mapping[str, Any]], low: float, high: float) -> Verdict:
    """Whether the least lies between two depths, by the set of layers that may be it."""
    inside = [all(low <= depth <= high for depth in _depths(answer, row)) for row in rows]
    outside = [not any(low <= depth <= high for depth in _depths(answer, row)) for row in rows]
    values = [row["cross_fitted"] for row in rows]
    depths = [row["relative_depth"] for row in rows]
    return Verdict(
        _word(sum(inside), sum(outside), len(rows)),
        f"The least surely lies between depths {low:g} and {high:g} in {sum(inside)} of {len(rows)} curves, surely "
        f"not in {sum(outside)} (95 %); it is read at depths {min(depths):.2f} to {max(depths):.2f}, and its values go "
        f"from {min(values):.2f} to {max(values):.2f} (cross-fitted, n = {rows[0]['cross_fitted_n']}).",
    )


def _central(answer: Answer) -> Verdict:
    return _where_least(answer, answer.tables["layers"], 0.4, 0.9)


def _english(answer: Answer) -> Verdict:
    rows = answer.tables["asymmetries"]
    for_english = [row for row in rows if row["resolved"] and row["asymmetry"] < 0]
    against = [row for row in rows if row["resolved"] and row["asymmetry"] > 0]
    sizes, resolvable = ([row[name] for row in rows] for name in ("asymmetry", "resolvable"))
    return Verdict(
        _word(len(for_english), len(against), len(rows)),
        f"Of {len(rows)} languages English foretells {len(for_english)} better than the reverse, and {len(against)} "
        f"foretell English better (corrected for {len(rows)} tests). Asymmetries go from {min(sizes):+.3f} to "
        f"{max(sizes):+.3f}; alone, each would have been resolved from {min(resolvable):.3f} to {max(resolvable):.3f} "
        "on.",
    )


def _many_tokens(answer: Answer) -> Verdict:
    from foretell.studies.tokens import enough_tokens

    curve = next(result for name, result in answer.results.items() if "tokens-at" in name)
    enough = {direction: enough_tokens(curve, direction) for direction in ("a_to_b", "b_to_a")}
    said = " and ".join(f"{one.count} ({one.least} to {one.most})" for one in enough.values())
    many = [one.least >= _MANY for one in enough.values()]
    few = [one.most < _MANY for one in enough.values()]
    return Verdict(
        _word(sum(many), sum(few), len(enough)),
        f"Of {int(curve['tokens'][-1])} tokens, {said} do nearly as well as all, either way; the last alone gives "
        f"{float(curve['imbalance'][0, 0]):.2f} and {float(curve['imbalance'][1, 0]):.2f}, all give "
        f"{float(curve['imbalance'][0, -1]):.2f} and {float(curve['imbalance'][1, -1]):.2f}.",
    )


def _concatenate(answer: Answer) -> Verdict:
    rows = [row for row in answer.tables["concatenated-and-averaged"] if row["tokens"] > 1]
    worse = [row for row in rows if row["p_adjusted"] <= LEVEL and row["averaged_less_concatenated"] > 0]
    better = [row for row in rows if row["p_adjusted"] <= LEVEL and row["averaged_less_concatenated"] < 0]
    return Verdict(
        _word(len(worse), len(better), len(rows)),
        f"Of {len(rows)} comparisons averaging is worse in {len(worse)} and better in {len(better)} (corrected); the "
        f"differences go from {min(r['averaged_less_concatenated'] for r in rows):+.3f} to "
        f"{max(r['averaged_less_concatenated'] for r in rows):+.3f}.",
    )


def _long_range(answer: Answer) -> Verdict:
    rows = [row for row in answer.tables["reach-compared"] if row["where"] != "across"]
    # The inner layer against either end.
    tests = []
    for row in rows:
        depths = row["relative_depth"], row["other_relative_depth"]
        if sum(depth in (0.0, 1.0) for depth in depths) == 1:
            sign = -1 if depths[0] in (0.0, 1.0) else 1  # of the inner layer less the end
            tests.append((sign * row["difference"], row))
    below = [row for value, row in tests if value < 0 and row["p_adjusted"] <= LEVEL]
    above = [row for value, row in tests if value > 0 and row["p_adjusted"] <= LEVEL]
    said = "; ".join(
        f"{row['where']}, layer {row['layer']}: {row['far']:.3f} ± {row['far_stderr']:.3f}"
        for row in answer.tables["reach"]
        if row["where"] != "across"
    )
    return Verdict(
        _word(len(below), len(above), len(tests)),
        f"Between tokens five or more apart: {said}. The inner layer is lower than an end in {len(below)} of "
        f"{len(tests)} comparisons and higher in {len(above)} (corrected).",
    )


def _left_to_right(answer: Answer) -> Verdict:
    rows = [row for row in answer.tables["reach"] if row["where"] != "across"]
    resolved = [row for row in rows if row["p_adjusted"] <= LEVEL]
    said = "; ".join(f"{row['forward_less_backward']:+.3f} ({row['where']}, layer {row['layer']})" for row in resolved)
    return Verdict(
        _word(len(resolved), 0, len(rows)),
        f"Forward less backward differs from 0 in {len(resolved)} of {len(rows)} maps within a text (corrected)"
        + (f": {said}. Below 0, earlier tokens foretell later ones better." if resolved else "."),
    )


def _larger(answer: Answer) -> Verdict:
    (row,) = answer.tables["asymmetries"]
    word: Word = "not resolved" if not row["resolved"] else "agrees" if row["asymmetry"] < 0 else "disagrees"
    return Verdict(
        word,
        f"II({row['a_to_b']}) less the reverse is {row['asymmetry']:+.3f} ± {row['stderr']:.3f} at the pair of layers "
        "where both together are least. The larger model is A; the two differ in more than size (data, languages, "
        "tokens).",
    )


def _inside(model: str) -> Callable[[Answer], Verdict]:
    def judge(answer: Answer) -> Verdict:
        rows = [row for row in answer.tables["layers"] if model in row["comparison"]]
        return _where_least(answer, rows, 0.2, 0.8)

    return judge


def _at_the_end(model: str) -> Callable[[Answer], Verdict]:
    def judge(answer: Answer) -> Verdict:
        rows = [row for row in answer.tables["layers"] if model in row["comparison"]]
        return _where_least(answer, rows, 0.8, 1.0)

    return judge


def _captions(answer: Answer) -> Verdict:
    rows = answer.tables["asymmetries"]
    text = [row for row in rows if row["resolved"] and row["asymmetry"] < 0]
    image = [row for row in rows if row["resolved"] and row["asymmetry"] > 0]
    return Verdict(
        _word(len(text), len(image), len(rows)),
        f"Of {len(rows)} pairs of models the caption foretells the image better in {len(text)}, the image the caption "
        f"in {len(image)} (corrected).",
    )


def _to_text(answer: Answer) -> Verdict:
    rows = [row for row in answer.tables["asymmetries"] if "image-gpt" in row["comparison"]]
    resolved = [row for row in rows if row["resolved"]]
    better = [row for row in resolved if row["asymmetry"] < 0]
    return Verdict(
        _word(len(better), len(resolved) - len(better), len(rows)),
        f"With the autoregressive model, text foretells the image better in {len(better)} of {len(rows)} pairs, the "
        f"image the text in {len(resolved) - len(better)} (corrected).",
    )


def _shuffled(answer: Answer) -> Verdict:
    rows = _rows(answer, "controls", variant="shuffled")
    equal = [abs(row["imbalance"] - 1) <= MARGIN for row in rows]
    said = "; ".join(
        f"{row['direction']}: median {row['imbalance']:.3f}, 95 % of them {row['low']:.2f} to {row['high']:.2f}"
        for row in rows
    )
    return Verdict(_word(sum(equal), len(rows) - sum(equal), len(rows)), f"{said}.")


def _bits(answer: Answer) -> Verdict:
    rows = _rows(answer, "controls", variant="full precision")
    equal, differ = [], []
    for row in rows:
        margin = 1.96 * row["above_stderr"]
        equal.append(row["above_reference"] - margin >= -MARGIN and row["above_reference"] + margin <= MARGIN)
        differ.append(row["p_adjusted"] <= LEVEL)
    said = "; ".join(
        f"{row['direction']}: {row['above_reference']:+.3f} ± {row['above_stderr']:.3f} against the bits"
        for row in rows
    )
    return Verdict(
        _word(sum(equal), sum(differ), len(rows)),
        f"{said}. Equal: the 95 % interval within ±{MARGIN:g}; different: told from 0, corrected.",
    )


def _no_clip(answer: Answer) -> Verdict:
    del answer
    return Verdict("cannot be tested", "No package index carries CLIP, DINOv2 or a 671 B parameter language model.")


CENTRAL_LAYERS = Statement(
    "Meaning that translations share is read best at central layers (depth about .4 to .9; .2 for DeepSeek-V3, .3 for "
    "Llama-3.1-8B).",
    _central,
)
ENGLISH_FORETELLS_BETTER = Statement("English predicts other languages better than they predict English.", _english)
MANY_TOKENS = Statement("Meaning is spread over many tokens, about 20.", _many_tokens)
CONCATENATE = Statement("Concatenated tokens carry more than their average.", _concatenate)
LONG_RANGE_INSIDE = Statement("Tokens far from each other are related, and most so in inner layers.", _long_range)
LEFT_TO_RIGHT = Statement("Between tokens of one text there is an asymmetry of left and right.", _left_to_right)
LARGER_FORETELLS_SMALLER = Statement("A larger model predicts a smaller one better than the reverse.", _larger)
AUTOREGRESSIVE_IMAGES_INSIDE = Statement(
    "Of an autoregressive vision model (image-gpt) the middle layers share most between two images of one class (about "
    ".6).",
    _inside("image-gpt"),
)
ENCODER_IMAGES_AT_THE_END = Statement(
    "Of a self-supervised encoder (DINOv2) the last layers do (about .43).", _at_the_end("vit")
)
CAPTIONS_FORETELL_IMAGES = Statement("Captions predict images better than images predict captions.", _captions)
AUTOREGRESSIVE_TO_TEXT = Statement(
    "Text predicts the representation of an autoregressive vision model better (.4) than the reverse (.7).", _to_text
)
BEYOND_CLIP = Statement(
    "A large language model and DINOv2 predict each other better than CLIP's two towers do.", _no_clip
)
SHUFFLED_IS_ONE = Statement("Shuffled pairs give 1.", _shuffled)
BITS_SUFFICE = Statement("Sign bits and full precision agree.", _bits)
