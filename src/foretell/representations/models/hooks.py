"""A model's blocks, shown one by one while it runs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from foretell.representations.models.base import Visit

__all__ = ["blocks_shown"]


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
