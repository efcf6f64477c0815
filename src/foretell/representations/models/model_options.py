"""How a model is found and run, beside its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from foretell.exceptions import OptionError, check_option, checked_count

DTYPES = ("float32", "bfloat16", "float16")
AS_STORED = "auto"


@dataclass(frozen=True)
class ModelOptions:
    """The options of `load_model`, which says what each is for.

    Parameters
    ----------
    revision, dtype, device, device_map, trust_remote_code, allow_pickle, random_weights, cache
        As `load_model` takes them.

    Raises
    ------
    OptionError
        For a dtype that models are not run in, a seed that is none, or a device and a device_map at once.
    """

    revision: str | None = None
    dtype: str = "float32"
    device: str = "auto"
    device_map: str | Mapping[str, Any] | None = None
    trust_remote_code: bool = False
    allow_pickle: bool = False
    random_weights: int | None = None
    cache: Path | None = None

    def __post_init__(self) -> None:
        check_option("dtype", self.dtype, (*DTYPES, AS_STORED))
        if self.random_weights is not None:
            checked_count("random_weights", self.random_weights, least=0)
        if self.device != "auto" and self.device_map is not None:
            raise OptionError(
                f"device={self.device!r} and device_map={self.device_map!r} exclude each other: give one of them."
            )

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> ModelOptions:
        """The options that stand in a mapping.

        Raises
        ------
        OptionError
            For a name that none has.
        """
        valid = [field.name for field in fields(cls)]
        for name in given:
            if name not in valid:
                raise OptionError(f"{name!r} is not an option of models: choose among {', '.join(valid)}.")
        return cls(**given)


DEFAULTS = ModelOptions()
