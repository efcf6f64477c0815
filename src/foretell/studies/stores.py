"""Where the activations of a run are, and what is noted beside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from foretell.representations.store.storage import is_url

__all__ = ["Stores"]


@dataclass(frozen=True)
class Stores:
    """A folder of stores, or a URL that they are behind.

    Parameters
    ----------
    place : str or Path
    notes : Path
        Folder of choices of items, plans and costs: the same, or for a URL one in that of the run.
    """

    place: str | Path
    notes: Path

    @classmethod
    def of(cls, run: Path, place: str | Path | None) -> Stores:
        """Those that were asked for of a run in a folder, or those in its own."""
        own = run / "stores"
        if place is not None and is_url(place):
            return cls(str(place).rstrip("/"), own)
        folder = own if place is None else Path(place)
        return cls(folder, folder)

    def named(self, name: str) -> str | Path:
        """Where one store is."""
        return f"{self.place}/{name}" if isinstance(self.place, str) else self.place / name
