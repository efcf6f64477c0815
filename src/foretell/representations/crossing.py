"""What crosses from the device of a model to the memory of the host, beside the model's work."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from numpy.typing import NDArray

from foretell.exceptions import require

__all__ = ["Crossing"]


class Crossing:
    """Tensors on their way to the host.

    From a GPU they go into pages that do not move, so that this process goes on while they do; they are waited for when
    they are asked for, which is best after the next batch is under way.
    """

    def __init__(self) -> None:
        self._here: dict[Any, Any] = {}
        self._sent: dict[Any, Any] = {}  # by device, what tells when all is here

    def send(self, name: Hashable, tensor: Any) -> None:
        """Send a tensor off under a name."""
        if tensor.device.type == "cuda":
            torch = require("torch", "hf")
            here = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
            here.copy_(tensor, non_blocking=True)
            self._sent.setdefault(tensor.device, torch.cuda.Event()).record(torch.cuda.current_stream(tensor.device))
            tensor = here
        self._here[name] = tensor.cpu()

    def arrived(self) -> dict[Any, NDArray[Any]]:
        """Wait for all, and give them by name."""
        for event in self._sent.values():
            event.synchronize()
        return {name: tensor.numpy() for name, tensor in self._here.items()}
