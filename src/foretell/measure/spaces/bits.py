"""Sign bits: how activations are kept, and how they are made from floats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import InputError
from foretell.measure.kernels.packing import pack_signs
from foretell.measure.spaces.libraries import as_array, names_of_items

Rows = slice | NDArray[np.intp]
"""Items to read: a slice, or an array of positions (any order, none twice)."""

# Floats are read a block of items at a time, so that copies made on the way stay small.
_BLOCK_BYTES = 16 * 2**20


@dataclass(frozen=True, eq=False)
class BinarySpace:
    """Sign bits of N items of T tokens in H dimensions.

    Bit h of a token is 1 where its activation is greater than 0. It stands in byte ``h // 8`` at the
    place of value ``128 >> (h % 8)`` (the first dimension is the most significant bit, as in
    `numpy.packbits`). Every token starts on a byte of its own and the places after its last dimension
    are 0, so any selection of tokens is a selection of bytes and Hamming distances add over tokens.

    Parameters
    ----------
    data : ndarray of uint8, shape (N, T, ceil(H / 8))
        The packed bits.
    n_bits : int
        H, the number of dimensions of one token.
    ids : sequence of str, optional
        Names of the items, all different. Item order is proved by them, never assumed.

    Raises
    ------
    InputError
        If the shape does not fit `n_bits`, a padding bit is set, or ids are repeated or not N.
    """

    data: NDArray[np.uint8]
    n_bits: int
    ids: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        data = self.data
        if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 3:
            raise InputError(
                f"A BinarySpace needs a uint8 array of shape (items, tokens, bytes), not {_describe(data)}: "
                "use BinarySpace.from_activations for anything else."
            )
        if self.n_bits < 1 or data.shape[2] != -(-self.n_bits // 8):
            raise InputError(
                f"{self.n_bits} bits a token take {-(-self.n_bits // 8)} bytes, not the {data.shape[2]} of data: "
                "give n_bits the number of dimensions of one token."
            )
        n_padding = 8 * data.shape[2] - self.n_bits
        if n_padding and bool((data[..., -1] & np.uint8((1 << n_padding) - 1)).any()):
            raise InputError(
                f"The last {n_padding} places of a token's last byte are padding and must be 0: "
                "pack with numpy.packbits(x > 0, axis=-1)."
            )
        object.__setattr__(self, "ids", checked_ids(self.ids, len(data)))

    @classmethod
    def from_activations(cls, x: Any, ids: Sequence[str] | None = None) -> BinarySpace:
        """Take the signs of activations.

        Parameters
        ----------
        x : array of float16, float32, float64 or bool, shape (N, H) or (N, T, H)
            Activations, of numpy or another library (as for `foretell.information_imbalance`). Bit = ``x > 0``, so 0.0
            and -0.0 count as minus; a bool is its own bit.
        ids : sequence of str, optional
            Names of the N items; by default those that a table of pandas or an array of xarray has.

        Returns
        -------
        BinarySpace
            With T = 1 for a two-dimensional `x`.

        Raises
        ------
        InputError
            For another dtype or number of dimensions, nothing to sign, or NaN or infinity (which item).
        """
        return cls.of_items(as_signable(x), None, names_of_items(x) if ids is None else ids)

    @classmethod
    def of_items(cls, x: NDArray[Any], rows: Rows | None, ids: Sequence[str] | None = None) -> BinarySpace:
        """Take the signs of some items of an array as `as_signable` gives it; of all for None."""
        if x.ndim == 2:
            x = x[:, None, :]
        if x.ndim != 3:
            raise InputError(
                f"Activations have shape (items, dimensions) or (items, tokens, dimensions), not {x.shape}: "
                "reshape them first."
            )
        places = np.arange(len(x))[slice(None) if rows is None else rows]
        n_tokens, n_bits = x.shape[1:]
        if not x.size:
            raise InputError(
                f"There is nothing to take the sign of in an array of shape {x.shape}: give items and dimensions."
            )
        data = np.empty((len(places), n_tokens, -(-n_bits // 8)), np.uint8)
        step = max(1, _BLOCK_BYTES // (n_tokens * n_bits * x.itemsize))
        for start in range(0, len(places), step):
            some = places[start : start + step]
            # A run of items is read where it stands.
            run = slice(some[0], some[-1] + 1) if np.all(np.diff(some) == 1) else some
            block = data[start : start + step]
            bad = pack_signs(x[run].reshape(-1, n_bits), block.reshape(-1, data.shape[2]))
            if bad >= 0:
                raise _not_finite(int(some[bad // n_tokens]))
        return cls(data, n_bits, checked_ids(ids, len(places)))

    @property
    def n_items(self) -> int:
        """N, the number of items."""
        return int(self.data.shape[0])

    @property
    def n_tokens(self) -> int:
        """T, the number of tokens of every item."""
        return int(self.data.shape[1])

    def bits(self, rows: Rows = slice(None)) -> BinarySpace:
        """Bits of some items, so that a `BinarySpace` is a `Space`."""
        ids = None if self.ids is None else tuple(np.asarray(self.ids, object)[rows])
        return BinarySpace(self.data[rows], self.n_bits, ids)

    def unpack(self) -> NDArray[np.bool_]:
        """Every bit as a bool, shape (N, T, H)."""
        return np.unpackbits(self.data, axis=-1, count=self.n_bits).astype(bool)

    def packed_rows(self) -> NDArray[np.uint8]:
        """One row of bytes an item, shape (N, T * ceil(H / 8)): what distances are taken of. A view where possible."""
        return self.data.reshape(self.n_items, -1)

    def __repr__(self) -> str:
        return f"BinarySpace(n_items={self.n_items}, n_tokens={self.n_tokens}, n_bits={self.n_bits})"


def checked_ids(ids: Sequence[str] | None, n_items: int) -> tuple[str, ...] | None:
    """Ids as a tuple of `n_items` different strings, or None."""
    if ids is None:
        return None
    names = tuple(str(name) for name in ids)
    if len(names) != n_items:
        raise InputError(f"There are {len(names)} ids for {n_items} items: give every item one.")
    unwritable = [name for name in names if "\0" in name or _has_surrogate(name)]
    if unwritable:
        raise InputError(f"The id {unwritable[0]!r} cannot be written to a file: leave out NUL and lone surrogates.")
    if len(set(names)) != len(names):
        (twice, _), *_ = Counter(names).most_common(1)
        raise InputError(f"Two items have the id {twice!r}: ids must differ.")
    return names


def _has_surrogate(name: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in name)


def as_signable(x: Any) -> NDArray[Any]:
    """`x` as a float or bool array, or an error that says what to convert."""
    array = as_array(x)
    return array if array.dtype == bool else as_floats(array)


def as_floats(x: Any) -> NDArray[Any]:
    """`x` as a float array, or an error that says what to convert."""
    array = as_array(x)
    if array.dtype.kind != "f" or array.dtype.itemsize > 8:
        raise InputError(
            f"A space is of float16, float32 or float64, or for metric='hamming' of bool, not of {array.dtype}: give "
            "numpy.asarray(x, float)."
        )
    return array


def as_rows(x: NDArray[Any]) -> NDArray[Any]:
    """`x` with an item a row, shape (N, D), or an error for an array that has nothing, or no dimensions."""
    if x.ndim < 2 or not x.size:
        raise InputError(
            f"A space is an array of shape (items, dimensions...), not {x.shape}: "
            "give one row an item, x[:, None] for single numbers."
        )
    return x.reshape(len(x), -1)


def check_finite(x: NDArray[Any]) -> None:
    """Raise `InputError` naming the first item of `x` that is not finite."""
    step = max(1, _BLOCK_BYTES // max(1, x[:1].nbytes))
    for start in range(0, len(x), step):
        block = x[start : start + step]
        if not np.isfinite(block).all():
            bad = np.flatnonzero(~np.isfinite(block).reshape(len(block), -1).all(axis=1))
            raise _not_finite(start + int(bad[0]))


def _not_finite(item: int) -> InputError:
    return InputError(
        f"NaN or infinity in the activations of item {item}: drop such items from both sides, or mend them."
    )


def _describe(x: object) -> str:
    return f"{x.dtype} of shape {x.shape}" if isinstance(x, np.ndarray) else type(x).__name__
