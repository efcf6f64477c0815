"""What is compared: two sides of the same items, each by one model, and what of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import metadata
from typing import TYPE_CHECKING, TypedDict

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import InputError
from foretell.measure.spaces.space import select
from foretell.representations.store.reader import Store
from foretell.studies.config.comparisons import Comparison

if TYPE_CHECKING:
    import xarray as xr

    from foretell.measure.spaces.space import Space
    from foretell.representations.data.pairs import Pairs
    from foretell.studies.config.study_file import StudyOfPairs

_HELD_BYTES = 2**28
"""Most bytes of a side's layers that are held in memory together."""


class MeasureOptions(TypedDict):
    """Options that all functions of the measure have."""

    k: int
    convention: str
    seed: int
    groups: Sequence[str] | None


@dataclass(frozen=True, eq=False)
class Side:
    """One side of a comparison: what is kept of its items.

    Parameters
    ----------
    name : str
        Of the side of the pairs.
    store : Store
        Complete.
    tokens : str
        What of the store is compared: a recording.
    rows : ndarray of int, optional
        Places of the study's items in the store, where it holds others or holds them in another order.
    """

    name: str
    store: Store
    tokens: str
    rows: NDArray[np.intp] | None = None

    @property
    def layers(self) -> list[str]:
        """Names of the numbered layers: "final" is the last block's output once more, after a norm."""
        return [layer for layer in self.store.layers if layer.isdecimal()]

    @property
    def depths(self) -> list[float]:
        """Relative depth of each, 0 to 1."""
        return [int(layer) / self.store.info.n_blocks for layer in self.layers]

    @property
    def model_id(self) -> str:
        """Id of the model."""
        return self.store.info.model_id

    @property
    def revision(self) -> str:
        """Revision of the model."""
        return self.store.info.model_revision

    @property
    def n_tokens(self) -> int:
        """T, the tokens of an item that are compared."""
        return self.space(self.layers[0]).n_tokens

    def space(self, layer: str) -> Space:
        """Bits of one layer."""
        space = self.store.space(layer, self.tokens)
        return space if self.rows is None else select(space, self.rows)

    def spaces(self, layers: Sequence[str] | None = None) -> dict[str, Space]:
        """Some layers by name, by default the numbered ones: in memory where they are small, else read when asked."""
        found = {layer: self.space(layer) for layer in layers or self.layers}
        n_bytes = sum(space.n_items * space.bits(slice(0, 1)).data.nbytes for space in found.values())
        # Studies read a layer a dozen times.
        return found if n_bytes > _HELD_BYTES else {layer: space.bits() for layer, space in found.items()}

    def of(self, tokens: str) -> Side:
        """Other tokens of the same items."""
        return replace(self, tokens=tokens)


@dataclass(frozen=True, eq=False)
class Compared:
    """A comparison with both its sides."""

    comparison: Comparison
    pairs: Pairs
    a: Side
    b: Side

    @property
    def layers(self) -> list[str]:
        """Names of the layers that both sides have."""
        return [layer for layer in self.a.layers if layer in self.b.layers]

    @property
    def curves(self) -> tuple[dict[str, Space], dict[str, Space]]:
        """Layers of A and of B that go in pairs.

        Raises
        ------
        InputError
            If there are none.
        """
        if not self.layers:
            raise InputError("The two sides have no layer in common: make stores of the same layers.")
        return self.a.spaces(self.layers), self.b.spaces(self.layers)

    def options(self, study: StudyOfPairs) -> MeasureOptions:
        """How the study measures, as all functions of the measure take it."""
        measure = study.measure
        return {"k": measure.k, "convention": measure.convention, "seed": measure.seed, "groups": self.pairs.groups}

    def labelled(self, result: xr.Dataset, study: StudyOfPairs, **more: object) -> xr.Dataset:
        """A result with what it says of the study that it is of (``docs/result.md``), and the depths of its layers."""
        a, b, pairs = self.a, self.b, self.pairs
        if "layer" in result.dims:
            depth = dict(zip(a.layers, a.depths, strict=True))
            depths = [depth[str(layer)] for layer in result["layer"].to_numpy()]
            result = result.assign_coords(relative_depth=("layer", depths))
        said = {
            "comparison": self.comparison.name,
            "model_a": a.model_id,
            "model_b": b.model_id,
            "revision_a": a.revision,
            "revision_b": b.revision,
            "side_a": a.name,
            "side_b": b.name,
            "tokens": " and ".join(dict.fromkeys((a.tokens, b.tokens))),
            "data": pairs.name,
            "data_source": pairs.source,
            "data_licence": pairs.licence,
            "drop_counts": json.dumps(dict(pairs.dropped)),
            "versions": json.dumps(json.loads(str(result.attrs.get("versions", "{}"))) | _versions()),
            "study": study.model_dump_json(),
        }
        return result.assign_attrs(said | more)


def _versions() -> dict[str, str]:
    """Versions of the libraries that the activations depend on, where installed."""
    found: dict[str, str] = {}
    for name in ("torch", "transformers", "gguf"):
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
