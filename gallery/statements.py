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
Word = Literal["agrees", "agrees in part", "disagrees", "not resolved", "cannot be tested"]


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


def _counted(count: int, of: int) -> Word:
    """Agreement by how many of several agree."""
    return "agrees" if count == of else "agrees in part" if count else "disagrees"


def _central(answer: Answer) -> Verdict:
    rows = answer.tables["layers"]
    inner = [row for row in rows if _is_inner(answer, row)]
    depths = [row["relative_depth"] for row in rows]
    values = [row["cross_fitted"] for row in rows]
    return Verdict(
        _counted(len(inner), len(rows)),
        f"In {len(inner)} of {len(rows)} curves neither the first nor the last layer may be the least (95 %); the "
        f"least lies at depths {min(depths):.2f} to {max(depths):.2f}, at {min(values):.2f} to {max(values):.2f} "
        f"(cross-fitted, n = {rows[0]['cross_fitted_n']}).",
    )


def _is_inner(answer: Answer, row: Mapping[str, Any]) -> bool:
    """Whether a curve is not flat and neither end of it may be its least."""
    layers = [str(layer) for layer in answer.results[row["comparison"]]["layer"].to_numpy()]
    may_be_least = row["may_be_least"].split()
    return not row["flat"] and layers[0] not in may_be_least and layers[-1] not in may_be_least


def _english(answer: Answer) -> Verdict:
    rows = answer.tables["asymmetries"]
    for_english = [row for row in rows if row["resolved"] and row["asymmetry"] < 0]
    against = [row for row in rows if row["resolved"] and row["asymmetry"] > 0]
    word: Word = (
        "not resolved"
        if not for_english and not against
        else "disagrees"
        if against and not for_english
        else "agrees"
        if len(for_english) == len(rows)
        else "agrees in part"
    )
    sizes, resolvable = ([row[name] for row in rows] for name in ("asymmetry", "resolvable"))
    return Verdict(
        word,
        f"Of {len(rows)} languages English foretells {len(for_english)} better than the reverse, and {len(against)} "
        f"foretell English better (corrected for {len(rows)} tests). Asymmetries go from {min(sizes):+.3f} to "
        f"{max(sizes):+.3f}; alone, each would have been resolved from {min(resolvable):.3f} to {max(resolvable):.3f} "
        "on.",
    )


def _many_tokens(answer: Answer) -> Verdict:
    from foretell.studies.tokens_summary import enough_tokens

    curve = next(result for name, result in answer.results.items() if "tokens-at" in name)
    enough = {direction: enough_tokens(curve, direction) for direction in ("a_to_b", "b_to_a")}
    fewest = min(one.least for one in enough.values())
    said = " and ".join(f"{one.count} ({one.least} to {one.most})" for one in enough.values())
    word: Word = (
        "agrees" if fewest >= 10 else "disagrees" if max(one.most for one in enough.values()) < 10 else "not resolved"
    )
    return Verdict(
        word,
        f"Of {int(curve['tokens'][-1])} tokens, {said} do nearly as well as all, either way; the last alone gives "
        f"{float(curve['imbalance'][0, 0]):.2f} and {float(curve['imbalance'][1, 0]):.2f}, all give "
        f"{float(curve['imbalance'][0, -1]):.2f} and {float(curve['imbalance'][1, -1]):.2f}.",
    )


def _concatenate(answer: Answer) -> Verdict:
    rows = [row for row in answer.tables["concatenated-and-averaged"] if row["tokens"] > 1]
    worse = [row for row in rows if row["p_adjusted"] <= LEVEL and row["averaged_less_concatenated"] > 0]
    better = [row for row in rows if row["p_adjusted"] <= LEVEL and row["averaged_less_concatenated"] < 0]
    word: Word = (
        "not resolved"
        if not worse and not better
        else "disagrees"
        if not worse
        else "agrees"
        if not better
        else "agrees in part"
    )
    return Verdict(
        word,
        f"Of {len(rows)} comparisons averaging is worse in {len(worse)} and better in {len(better)} (corrected); the "
        f"differences go from {min(r['averaged_less_concatenated'] for r in rows):+.3f} to "
        f"{max(r['averaged_less_concatenated'] for r in rows):+.3f}.",
    )


def _long_range(answer: Answer) -> Verdict:
    rows = answer.tables["reach"]
    verdicts, said = [], []
    for where in dict.fromkeys(row["where"] for row in rows if row["where"] != "across"):
        mine = sorted(_rows(answer, "reach", where=where), key=lambda row: row["relative_depth"])
        inner = min(mine[1:-1], key=lambda row: row["far"])
        ends = [mine[0], mine[-1]]
        # Errors of layers on the same items, taken as independent, are wider than those of their differences.
        below = [
            end["far"] - inner["far"] > 2 * (end["far_stderr"] ** 2 + inner["far_stderr"] ** 2) ** 0.5 for end in ends
        ]
        verdicts.append(all(below))
        said.append(
            f"{where}: {ends[0]['far']:.3f}, {inner['far']:.3f}, {ends[1]['far']:.3f} (± {inner['far_stderr']:.3f}) at "
            f"layers {ends[0]['layer']}, {inner['layer']}, {ends[1]['layer']}"
        )
    return Verdict(
        _counted(sum(verdicts), len(verdicts)),
        f"Tokens five or more apart foretell each other with {'; '.join(said)}.",
    )


def _left_to_right(answer: Answer) -> Verdict:
    rows = [row for row in answer.tables["reach"] if row["where"] != "across"]
    resolved = [row for row in rows if row["p_adjusted"] <= LEVEL]
    said = "; ".join(f"{row['forward_less_backward']:+.3f} ({row['where']}, layer {row['layer']})" for row in resolved)
    return Verdict(
        "agrees" if len(resolved) == len(rows) else "agrees in part" if resolved else "not resolved",
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
        inner = [row for row in rows if _is_inner(answer, row)]
        return Verdict(_counted(len(inner), len(rows)), _where_least(rows, len(inner), "inside"))

    return judge


def _at_the_end(model: str) -> Callable[[Answer], Verdict]:
    def judge(answer: Answer) -> Verdict:
        rows = [row for row in answer.tables["layers"] if model in row["comparison"]]
        last = []
        for row in rows:
            layers = [str(layer) for layer in answer.results[row["comparison"]]["layer"].to_numpy()]
            may_be_least = row["may_be_least"].split()
            if not row["flat"] and layers[-1] in may_be_least and layers[0] not in may_be_least:
                last.append(row)
        return Verdict(_counted(len(last), len(rows)), _where_least(rows, len(last), "possibly at the last layer"))

    return judge


def _where_least(rows: Sequence[Mapping[str, Any]], count: int, where: str) -> str:
    said = "; ".join(
        f"{row['comparison']}, {row['direction']}: {row['cross_fitted']:.2f} ± {row['cross_fitted_stderr']:.2f}, least "
        f"at depth {row['relative_depth']:.2f}"
        for row in rows
    )
    n = rows[0]["cross_fitted_n"]
    return f"The least lies {where} in {count} of {len(rows)} curves ({said}; cross-fitted, n = {n})."


def _captions(answer: Answer) -> Verdict:
    rows = answer.tables["asymmetries"]
    text = [row for row in rows if row["resolved"] and row["asymmetry"] < 0]
    image = [row for row in rows if row["resolved"] and row["asymmetry"] > 0]
    word: Word = (
        "not resolved"
        if not text and not image
        else "agrees"
        if len(text) == len(rows)
        else "agrees in part"
        if text
        else "disagrees"
    )
    return Verdict(
        word,
        f"Of {len(rows)} pairs of models the caption foretells the image better in {len(text)}, the image the caption "
        f"in {len(image)} (corrected).",
    )


def _to_text(answer: Answer) -> Verdict:
    rows = [row for row in answer.tables["asymmetries"] if "image-gpt" in row["comparison"]]
    resolved = [row for row in rows if row["resolved"]]
    better = [row for row in resolved if row["asymmetry"] < 0]
    word: Word = (
        "not resolved"
        if not resolved
        else "agrees"
        if len(better) == len(rows)
        else "agrees in part"
        if better
        else "disagrees"
    )
    return Verdict(
        word,
        f"With the autoregressive model, text foretells the image better in {len(better)} of {len(rows)} pairs, the "
        f"image the text in {len(resolved) - len(better)} (corrected).",
    )


def _shuffled(answer: Answer) -> Verdict:
    rows = [row for row in answer.tables["controls"] if row["variant"] == "shuffled"]
    held = [row for row in rows if row["low"] <= 1 <= row["high"]]
    return Verdict(
        _counted(len(held), len(rows)),
        "; ".join(f"{row['direction']}: {row['imbalance']:.3f} ({row['low']:.2f} to {row['high']:.2f})" for row in rows)
        + ".",
    )


def _bits(answer: Answer) -> Verdict:
    rows = [row for row in answer.tables["controls"] if row["variant"] == "full precision"]
    differ = [row for row in rows if row["p_adjusted"] <= LEVEL]
    said = "; ".join(
        f"{row['direction']}: {row['above_reference']:+.3f} ± {row['above_stderr']:.3f} against the bits"
        for row in rows
    )
    return Verdict(
        "agrees" if not differ else "disagrees", f"{said} (no difference is resolved)." if not differ else f"{said}."
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
