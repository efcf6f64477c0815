"""Models that are described at once and loaded when they must read, one at a time."""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from foretell.representations.loading.describe_model import describe_model
from foretell.representations.loading.load_model import load
from foretell.representations.models.base import (
    AS_STORED,
    DEFAULTS,
    Modality,
    Model,
    ModelInfo,
    ModelOptions,
    Reading,
    Visit,
)

# The first load of a process brings its libraries with it, as that of the next process will.
_SLOWEST: dict[tuple[str, Modality], float] = {}


@dataclass(eq=False)
class LoadedModel:
    """The one model that is in memory: loading another lets it go."""

    of: LazyModel | None = None
    model: Model | None = None

    def let_go(self) -> None:
        """Free the memory of the model, if there is one."""
        if self.model is None:
            return
        self.of = self.model = None
        gc.collect()  # what it is made of refers to each other in circles


@dataclass(frozen=True, eq=False)
class LazyModel:
    """A `Model` that is loaded when something but its description is asked of it.

    Parameters
    ----------
    name : str
        What `load_model` takes.
    modality : {"text", "image"}
    options : ModelOptions
    slot : LoadedModel
        Where it is held: models that share one are never in memory together.
    """

    name: str
    modality: Modality
    options: ModelOptions = DEFAULTS
    slot: LoadedModel = field(default_factory=LoadedModel)

    @cached_property
    def info(self) -> ModelInfo:
        """What is known without loading it."""
        return describe_model(self.name, self.modality, self.options)

    @property
    def dtype(self) -> str:
        """In which it is run."""
        return self.loaded.dtype if self.options.dtype == AS_STORED else self.options.dtype  # its weights tell

    @cached_property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return self.loaded.n_blocks

    @cached_property
    def n_dimensions(self) -> Mapping[str, int]:
        """For each layer in order, the dimensions of one token."""
        return self.loaded.n_dimensions

    @cached_property
    def max_length(self) -> int | None:
        """The longest item that it takes, or None where there is no limit."""
        return self.loaded.max_length

    def read(self, contents: Sequence[Any]) -> list[Reading]:
        """Make of texts or images what the model reads."""
        return self.loaded.read(contents)

    def hidden_states(self, batch: Sequence[Reading], visit: Visit) -> None:
        """Run one forward pass and show every layer's hidden states."""
        self.loaded.hidden_states(batch, visit)

    @property
    def _what(self) -> tuple[str, Modality]:
        return self.name, self.modality

    @property
    def loaded(self) -> Model:
        """The model itself."""
        if self.slot.of is not self or self.slot.model is None:
            self.slot.let_go()  # of the other, before this one takes its memory
            began = time.perf_counter()
            self.slot.model = load(self.name, self.modality, self.options)
            took = time.perf_counter() - began
            _SLOWEST[self._what] = max(took, _SLOWEST.get(self._what, 0.0))
            self.slot.of = self
        return self.slot.model


def slowest_load(model: Model) -> float:
    """The most seconds that a model took to load in this process; 0 for one that was given loaded."""
    return _SLOWEST.get(model._what, 0.0) if isinstance(model, LazyModel) else 0.0
