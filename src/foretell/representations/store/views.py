"""Views of a store: a layer and some tokens, read when asked, and which of its recordings has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import OptionError, check_option
from foretell.measure.spaces.bits import Bits, Rows
from foretell.representations.store.format import StoreInfo
from foretell.representations.store.recordings import Recording
from foretell.representations.store.token_rules import TokenRule

__all__ = ["Readable", "StorePoints", "StoreSpace", "Window", "averaged", "chosen"]

Window = slice | NDArray[np.intp]
"""Which of the tokens that a recording keeps."""

_LOW, _HIGH = 0.05, 0.95


class Readable(Protocol):
    """What a view needs of the store it is of (`foretell.representations.store.reader.Store`)."""

    @property
    def info(self) -> StoreInfo:
        """What the store holds."""
        ...

    @property
    def n_items(self) -> int:
        """N, the number of items."""
        ...

    @property
    def ids(self) -> tuple[str, ...]:
        """Names of the items in order."""
        ...

    @property
    def groups(self) -> tuple[str, ...] | None:
        """Group of each item, or None where each stands alone."""
        ...

    def read(self, layer: str, rows: Rows, *, kept: int, window: Window | None) -> NDArray[Any]:
        """What is kept of some items at one layer."""
        ...

    def bits(self, layer: str, rows: Rows, *, kept: int, window: Window | None) -> Bits:
        """The same as bits."""
        ...


@dataclass(frozen=True, eq=False)
class _View:
    """Some tokens of a layer of a store.

    Parameters
    ----------
    store : Readable
        Where it is: a `foretell.representations.store.reader.Store`.
    layer : str
        Name of the layer: "0" to the number of blocks, or "final".
    kept : int
        Number of the recording in the store.
    window : slice or ndarray of int
        Which of its tokens.
    """

    store: Readable
    layer: str
    kept: int
    window: Window

    @property
    def name(self) -> str:
        """Model, side and layer, parted by colons."""
        return f"{self.store.info.model_id}:{self.store.info.side}:{self.layer}"

    @property
    def relative_depth(self) -> float:
        """Layer / number of blocks, 0 to 1; 1 for "final"."""
        return int(self.layer) / self.store.info.n_blocks if self.layer.isdecimal() else 1.0

    @property
    def n_items(self) -> int:
        """N, the number of items."""
        return self.store.n_items

    @property
    def ids(self) -> tuple[str, ...]:
        """Names of the items in order."""
        return self.store.ids

    @property
    def groups(self) -> tuple[str, ...] | None:
        """Group of each item, or None where each stands alone."""
        return self.store.groups

    @property
    def n_tokens(self) -> int:
        """T, the number of tokens of an item."""
        return len(np.arange(self.store.info.kept[self.kept].n_tokens)[self.window])

    def __repr__(self) -> str:
        recording = self.store.info.kept[self.kept].recording
        return (
            f"{type(self).__name__}({self.name!r}, {str(recording)!r}, n_tokens={self.n_tokens}, "
            f"n_items={self.n_items})"
        )


class StoreSpace(_View):
    """Bits of one layer of a store: a `foretell.Space`, made by `Store.space`."""

    def bits(self, rows: Rows = slice(None)) -> Bits:
        """Bits of the items at `rows`, shape (rows, T, bytes).

        Raises
        ------
        StoreError
            If the store lacks some of these items, or a chunk of them is damaged.
        """
        return self.store.bits(self.layer, rows, kept=self.kept, window=self.window)


class StorePoints(_View):
    """Full precision of one layer of a store, for ``metric="euclidean"``, made by `Store.points`."""

    def points(self, rows: Rows = slice(None)) -> NDArray[np.float64]:
        """Numbers of the items at `rows`, each item clipped to its 5 to 95 % quantiles and scaled to length 1.

        Raises
        ------
        StoreError
            If the store lacks some of these items, or a chunk of them is damaged.
        """
        x = self.store.read(self.layer, rows, kept=self.kept, window=self.window)
        flat = x.reshape(len(x), -1).astype(np.float64)
        clipped = np.clip(flat, *np.quantile(flat, (_LOW, _HIGH), axis=1, keepdims=True))
        lengths = np.linalg.norm(clipped, axis=1, keepdims=True)
        return np.asarray(clipped / np.where(lengths > 0, lengths, 1.0))


def averaged(info: StoreInfo, tokens: str | TokenRule | slice | Sequence[int] | None) -> TokenRule:
    """The rule for the mean of what another rule keeps; by default of what the store keeps first."""
    if tokens is not None and not isinstance(tokens, str | TokenRule):
        raise OptionError(f"aggregate='mean' takes a token rule such as 'last 5', not tokens={tokens!r}.")
    rule = info.kept[0].recording.tokens if tokens is None else TokenRule.parse(tokens)
    return rule if rule.of == "class" else replace(rule, mean=True)


def chosen(
    info: StoreInfo, name: str, layer: str, tokens: str | TokenRule | slice | Sequence[int] | None, binarize: str
) -> tuple[int, Window]:
    """Number of the recording that has what is asked for, and which of its tokens that is.

    Parameters
    ----------
    info : StoreInfo
    name : str
        Of the store, for errors.
    layer, tokens, binarize
        As for `Store.space`.
    """
    check_option("layer", layer, info.layers)
    of_layer = [number for number, one in enumerate(info.kept) if layer in one.n_bits]
    rule = tokens if isinstance(tokens, str | TokenRule) else None
    for number in of_layer:
        one = info.kept[number]
        wanted = Recording.parse(f"{one.recording.tokens if rule is None else rule}, {binarize}")
        found = one.recording.serves(wanted, one.n_tokens)
        if found is None:
            continue
        if rule is not None or tokens is None:
            return number, found
        window = tokens if isinstance(tokens, slice) else np.asarray(tokens, np.intp)
        return number, _checked(window, one.n_tokens, name)
    asked = f"{'' if rule is None else rule}{'' if binarize == 'sign' else f', {binarize}'}".lstrip(", ") or "sign"
    raise OptionError(
        f"{name} keeps {info.tokens!r} and has no {asked!r} of layer {layer}. What is averaged or "
        "binarised otherwise is made from activations, and these are not kept: extract with "
        f"tokens=[..., {(str(rule or 'last 20') + ('' if binarize == 'sign' else f', {binarize}'))!r}]."
    )


def _checked(window: Window, n_tokens: int, name: str) -> Window:
    try:
        some = np.arange(n_tokens)[window]
    except IndexError as error:
        raise OptionError(f"{name} keeps {n_tokens} tokens: {window!r} asks for others.") from error
    if not some.size:
        raise OptionError(f"{name} keeps {n_tokens} tokens: {window!r} asks for none of them.")
    return window
