"""A model's blocks: found in it, and shown one by one while it runs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from foretell.exceptions import InputError, require
from foretell.representations.models.base import Visit

__all__ = ["blocks_shown", "find_blocks"]


def find_blocks(model: Any, n_blocks: int, name: str) -> Any:
    """The list of a transformer's blocks: the one ModuleList as long as the configuration says."""
    torch = require("torch", "hf")
    lists: dict[str, Any] = {}
    for path, module in model.named_modules():
        # Lists inside a block (of experts, say) may happen to be as long.
        inside = any(path.startswith(f"{found}.") for found in lists)
        if isinstance(module, torch.nn.ModuleList) and len(module) == n_blocks and not inside:
            lists[path] = module
    if len(lists) != 1:
        raise InputError(
            f"{name} ({type(model).__name__}) has {len(lists)} lists of {n_blocks} blocks, not one: only plain "
            "decoders and encoders can be read layer by layer."
        )
    return next(iter(lists.values()))


@contextlib.contextmanager
def blocks_shown(blocks: Sequence[Any], visit: Visit) -> Iterator[None]:
    """Show `visit` what enters the first block, as "0", and what leaves each, while the context lasts."""

    def before_first(_block: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        visit("0", args[0] if args else kwargs["hidden_states"])

    def after(number: int) -> Callable[[Any, Any, Any], None]:
        def hook(_block: Any, _args: Any, output: Any) -> None:
            visit(str(number), output[0] if isinstance(output, tuple) else output)

        return hook

    with contextlib.ExitStack() as hooks:
        first = blocks[0].register_forward_pre_hook(before_first, with_kwargs=True)
        hooks.callback(first.remove)
        for number, block in enumerate(blocks, start=1):
            hooks.callback(block.register_forward_hook(after(number)).remove)
        yield
