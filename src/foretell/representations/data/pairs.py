"""Pairs: the same items on several sides, each of texts or of images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

import numpy as np

from foretell.exceptions import InputError
from foretell.representations.data.pictures import Picture


@dataclass(frozen=True, eq=False)
class Pairs:
    """N items, each with one text or one image on every side.

    Parameters
    ----------
    name : str
        Name of the set.
    texts : mapping of str to sequence of str
        Side (a language code, say) to its N texts. Text i of every side belongs to item i.
    pictures : mapping of str to sequence of Picture, optional
        The same of sides that are images.
    ids : sequence of str
        Names of the N items, all different.
    groups : sequence of str, optional
        Group of dependent items that each item belongs to; None where each stands alone.
    licence : str
        SPDX identifier, or a few words.
    source : str
        Where the texts come from, with a version.
    dropped : mapping of str to int, optional
        Reason to number of items left out so far.

    Raises
    ------
    InputError
        If there are no sides or items, lengths differ, ids repeat, or a text is not a string, is blank, or has no UTF-8
        form (half of a surrogate pair).
    """

    name: str
    texts: Mapping[str, tuple[str, ...]]
    ids: tuple[str, ...]
    groups: tuple[str, ...] | None
    licence: str
    source: str
    dropped: Mapping[str, int] = field(default_factory=dict)
    pictures: Mapping[str, tuple[Picture, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        texts = {side: tuple(values) for side, values in self.texts.items()}
        pictures = {side: tuple(values) for side, values in self.pictures.items()}
        object.__setattr__(self, "texts", MappingProxyType(texts))
        object.__setattr__(self, "pictures", MappingProxyType(pictures))
        object.__setattr__(self, "ids", tuple(self.ids))
        object.__setattr__(self, "groups", None if self.groups is None else tuple(self.groups))
        object.__setattr__(self, "dropped", MappingProxyType(dict(self.dropped)))
        if not self.sides or not self.ids:
            raise InputError(f"The pairs {self.name!r} have no {'items' if self.sides else 'sides'}.")
        both = texts.keys() & pictures.keys()
        if both:
            raise InputError(f"Side {min(both)!r} of {self.name!r} is of texts and of images: name them apart.")
        columns = {f"side {side!r}": values for side, values in texts.items()} | {"ids": self.ids}
        if self.groups is not None:
            columns["groups"] = self.groups
        for side, images in pictures.items():
            self._check_length(f"side {side!r}", "images", len(images))
        for what, values in columns.items():
            self._check_length(what, "values", len(values))
            for item, value in zip(self.ids, values, strict=True):
                if not isinstance(value, str) or not is_text(value):
                    raise InputError(
                        f"{what} of {self.name!r} has {value!r} for item {item!r}: it must be a text; leave such items "
                        "out."
                    )
        repeated = next((item for item, times in Counter(self.ids).items() if times > 1), None)
        if repeated is not None:
            raise InputError(f"Two items of {self.name!r} have the id {repeated!r}: ids must differ.")

    def _check_length(self, where: str, what: str, length: int) -> None:
        if length != len(self.ids):
            raise InputError(
                f"{where} of {self.name!r} has {length} {what} for {len(self.ids)} ids: give every item one on every "
                "side."
            )

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"Pairs({self.name!r}, sides={', '.join(self.sides)}, n_items={len(self)})"

    @property
    def sides(self) -> tuple[str, ...]:
        """Names of the sides."""
        return (*self.texts, *self.pictures)

    def contents(self, side: str) -> tuple[str, ...] | tuple[Picture, ...]:
        """The texts or the images of a side."""
        return self.texts[side] if side in self.texts else self.pictures[side]

    def modality(self, side: str) -> Literal["text", "image"]:
        """What a side is of."""
        return "image" if side in self.pictures else "text"

    def only(self, sides: Sequence[str]) -> Pairs:
        """The same items with some of the sides."""
        return replace(
            self,
            texts={side: values for side, values in self.texts.items() if side in sides},
            pictures={side: values for side, values in self.pictures.items() if side in sides},
        )

    def take(self, rows: Sequence[int], *, dropped: Mapping[str, int] | None = None) -> Pairs:
        """Some items, in the order of `rows`.

        Parameters
        ----------
        rows : sequence of int
            Positions from 0.
        dropped : mapping of str to int, optional
            Why others were left out; added to the counts.

        Raises
        ------
        InputError
            For a position that there is not, a repeated one, or none.
        """
        places = np.asarray(rows, np.intp)
        if places.size and not 0 <= places.min() <= places.max() < len(self):
            raise InputError(f"Items of {self.name!r} are numbered 0 to {len(self) - 1}: {rows!r} has others.")
        counts = Counter(self.dropped)
        counts.update(dropped or {})
        return replace(
            self,
            texts={side: tuple(values[i] for i in places) for side, values in self.texts.items()},
            pictures={side: tuple(values[i] for i in places) for side, values in self.pictures.items()},
            ids=tuple(self.ids[i] for i in places),
            groups=None if self.groups is None else tuple(self.groups[i] for i in places),
            dropped=counts,
        )


def is_text(text: str) -> bool:
    """Whether a text says anything and has a UTF-8 form, which half of a surrogate pair has not."""
    return bool(text.strip()) and not any("\ud800" <= letter <= "\udfff" for letter in text)
