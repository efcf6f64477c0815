"""Which of a store's recordings has what is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from foretell.exceptions import OptionError, check_option
from foretell.representations.recordings import Recording
from foretell.representations.spaces import Window
from foretell.representations.store.layout import StoreInfo
from foretell.representations.tokens import TokenRule

__all__ = ["averaged", "chosen"]


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
