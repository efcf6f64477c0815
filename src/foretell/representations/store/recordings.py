"""What is kept of a layer: which tokens, and as which bits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import OptionError, check_option

if TYPE_CHECKING:
    from foretell.representations.models.base import Reading

_WINDOW = re.compile(r"(mean )?(last|first) ([1-9][0-9]{0,8})(?: before ([1-9][0-9]{0,8}))?")
_FORMS = "'last T', 'last T before M', 'first' or 'first T', 'all', 'class', 'mean' or 'mean last T', such as 'last 20'"

Binarization = Literal["sign", "median", "mean", "projection", "2bit", "full"]

_KINDS: tuple[str, ...] = get_args(Binarization)
_FORM = re.compile(
    r"(?P<tokens>[^,]+?)"
    r"(?:\s*,\s*(?P<kind>[a-z0-9]+)(?: (?P<dimensions>[1-9][0-9]{0,8}))?(?: seed (?P<seed>[0-9]{1,18}))?)?"
    r"(?:\s+at (?P<layers>[^,]+))?"
)


@dataclass(frozen=True)
class TokenRule:
    """Which tokens of an item are kept, in their order.

    The tokens of a text are its real ones: neither padding nor special tokens that the tokenizer added. Those of an
    image are its patches, or the positions of a convolution, row by row; the class token is not among them.

    Parameters
    ----------
    of : {"last", "first", "all", "class"}
        Which tokens.
    count : int
        T, for the last or the first T; else 0.
    skip : int
        Of the last T, how many tokens after them are left out.
    mean : bool
        Whether the tokens kept are averaged into one.
    """

    of: Literal["last", "first", "all", "class"]
    count: int = 0
    skip: int = 0
    mean: bool = False

    @classmethod
    def parse(cls, rule: str | TokenRule) -> TokenRule:
        """Read a rule such as ``"last 20"``; ``str(rule)`` writes it.

        Raises
        ------
        OptionError
            For anything else.
        """
        if isinstance(rule, cls):
            return rule
        named = {"class": cls("class"), "first": cls("first", 1), "all": cls("all"), "mean": cls("all", mean=True)}
        if isinstance(rule, str) and rule in named:
            return named[rule]
        match = _WINDOW.fullmatch(rule) if isinstance(rule, str) else None
        if match is None or (match[2] == "first" and match[4]):
            raise OptionError(f"tokens={rule!r:.60} is not a token rule: write {_FORMS}.")
        return cls("last" if match[2] == "last" else "first", int(match[3]), int(match[4] or 0), bool(match[1]))

    def __post_init__(self) -> None:
        if (self.count < 1) == (self.of in ("last", "first")) or self.skip < 0:
            raise OptionError(f"A token rule keeps at least one token, not {self.count} of {self.of!r}.")

    def __str__(self) -> str:
        if self.of == "all":
            return "mean" if self.mean else "all"
        window = self.of + (f" {self.count}" if self.count else "") + (f" before {self.skip}" if self.skip else "")
        return f"mean {window}" if self.mean else window

    @property
    def needs(self) -> int:
        """Tokens that an item must have."""
        return self.count + self.skip if self.count else 1

    @property
    def n_tokens(self) -> int | None:
        """Tokens kept of every item: T, 1 of a mean or the class; None where it depends on the item."""
        if self.mean or self.of == "class":
            return 1
        return self.count or None

    def places(self, item: Reading) -> NDArray[np.intp]:
        """Positions in the item's hidden states that are kept, or averaged."""
        if self.of == "class":
            if item.class_place is None:
                raise OptionError("tokens='class' is for models with a class token, which this one has not.")
            return np.array([item.class_place], np.intp)
        if self.of == "first":
            return item.places[: self.count]
        stop = len(item.places) - self.skip
        return item.places[stop - self.count : stop] if self.of == "last" else item.places


@dataclass(frozen=True)
class Recording:
    """Some tokens of some layers, binarised in one way.

    Written as ``"TOKENS"``, ``"TOKENS, KIND"`` or ``"TOKENS, KIND at LAYER LAYER"``: ``"last 20"``,
    ``"mean, median"``, ``"last 20, projection 256 seed 1"``, ``"last 20, full at 3 15"``.

    Parameters
    ----------
    tokens : TokenRule
    binarize : {"sign", "median", "mean", "projection", "2bit", "full"}
        Bits are whether an activation is above 0 (``sign``), above the median or the mean of that dimension over items,
        whether a random direction's component is above 0 (``projection``), or two of each activation: whether it is
        above -t and above t, t the median magnitude of its token, so that bits differ by how many levels lie between.
        ``full`` keeps the numbers themselves, in 32 bits.
    dimensions : int
        Of a projection; 0 for as many as the layer has.
    seed : int
        Of a projection.
    layers : tuple of str, optional
        Names of the layers; all by default.
    """

    tokens: TokenRule
    binarize: Binarization = "sign"
    dimensions: int = 0
    seed: int = 0
    layers: tuple[str, ...] | None = None

    @classmethod
    def parse(cls, text: str | TokenRule | Recording) -> Recording:
        """Read what ``str(recording)`` writes.

        Raises
        ------
        OptionError
            For anything else.
        """
        if isinstance(text, cls):
            return text
        if isinstance(text, TokenRule):
            return cls(text)
        match = _FORM.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise OptionError(
                f"tokens={text!r:.60} is not understood: write a token rule, then after a comma how it becomes bits, "
                "as in 'last 20', 'mean, median' or 'last 20, full at 3 15'."
            )
        kind = match["kind"] or "sign"
        check_option("binarize", kind, _KINDS)
        if kind != "projection" and (match["dimensions"] or match["seed"]):
            raise OptionError(f"tokens={text!r}: only a projection has dimensions and a seed.")
        return cls(
            TokenRule.parse(match["tokens"]),
            cast(Binarization, kind),
            int(match["dimensions"] or 0),
            int(match["seed"] or 0),
            tuple(match["layers"].split()) if match["layers"] else None,
        )

    @classmethod
    def parse_all(cls, tokens: Tokens) -> tuple[Recording, ...]:
        """Read one or several, all different."""
        several = [tokens] if isinstance(tokens, str | TokenRule | Recording) else list(tokens)
        found = tuple(cls.parse(one) for one in several)
        if not found or len({str(one) for one in found}) < len(found):
            raise OptionError(f"tokens={several!r} names {'one twice' if found else 'none'}: give different ones.")
        return found

    def __str__(self) -> str:
        text = str(self.tokens)
        if self.binarize != "sign":
            text += f", {self.binarize}"
            text += f" {self.dimensions}" if self.dimensions else ""
            text += f" seed {self.seed}" if self.seed else ""
        return text + (f" at {' '.join(self.layers)}" if self.layers else "")

    @property
    def how(self) -> str:
        """How activations became what is kept, as `Store.space` takes it: "sign", "projection 256"."""
        return str(replace(self, layers=None)).partition(", ")[2] or "sign"

    @property
    def needs_all_items(self) -> bool:
        """Whether its bits are known only when every item has been read."""
        return self.binarize in ("median", "mean")

    def of_layers(self, layers: Sequence[str]) -> tuple[str, ...]:
        """Names of the layers that it keeps, of those that there are.

        Raises
        ------
        OptionError
            For one that there is not.
        """
        for layer in self.layers or ():
            check_option("layer", layer, layers)
        return tuple(layer for layer in layers if self.layers is None or layer in self.layers)

    def n_bits(self, n_dimensions: int) -> int:
        """Bits of one token of a layer of so many dimensions."""
        return {"2bit": 2 * n_dimensions, "projection": self.dimensions or n_dimensions}.get(
            self.binarize, n_dimensions
        )

    def serves(self, wanted: Recording, n_tokens: int) -> slice | None:
        """Which of its tokens the one wanted consists of, or None where they are not all there.

        Parameters
        ----------
        wanted : Recording
            Its layers are not looked at.
        n_tokens : int
            How many tokens this one keeps.
        """
        mine, its = self.tokens, wanted.tokens
        if replace(self, tokens=its, layers=None) != replace(wanted, layers=None):
            return None
        if mine == its:
            return slice(0, n_tokens)
        if mine.mean or its.mean or its.of in ("class", "all") or mine.of == "class":
            return None
        if its.of == "last" and mine.of in ("last", "all"):
            stop = n_tokens - (its.skip - mine.skip)
            return slice(stop - its.count, stop) if its.skip >= mine.skip and stop >= its.count else None
        if its.of == "first" and mine.of in ("first", "all"):
            return slice(0, its.count) if its.count <= n_tokens else None
        return None


Tokens = str | TokenRule | Recording | Sequence[str | TokenRule | Recording]
"""What is kept: one recording or several."""
