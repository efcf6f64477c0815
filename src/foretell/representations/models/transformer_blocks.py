"""The blocks of a transformers model: which part reads text, where they are, and how they are shown one by one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from foretell.exceptions import InputError, require
from foretell.representations.models.base import Visit

_UNLIMITED = 10**9


def text_part(model: Any) -> Any:
    """The model itself, or of one that also takes images or sounds the tower or the decoder of its text."""
    config = model.config
    if config.get_text_config() is config:
        return model
    return getattr(model, "text_model", None) or model.get_decoder()


def blocks_of(model: Any, name: str) -> Any:
    """The list of the model's blocks: the one ModuleList as long as the configuration says.

    Raises
    ------
    InputError
        If there is not exactly one.
    """
    torch = require("torch", "hf")
    n_blocks = model.config.num_hidden_layers
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


def longest_text(model: Any, tokenizer: Any) -> int | None:
    """Tokens that the model takes at most, special ones included, or None where nothing says."""
    limits = []
    positions = getattr(model.config, "max_position_embeddings", None)
    if isinstance(positions, int) and positions > 0:
        # The RoBERTa kind number their positions from the padding's on: two of 514 are never a token's.
        unused = [
            module.padding_idx + 1
            for path, module in model.named_modules()
            if path.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None
        ]
        limits.append(positions - max(unused, default=0))
    # A tokenizer that knows no limit says 10^30.
    if 0 < tokenizer.model_max_length < _UNLIMITED:
        limits.append(int(tokenizer.model_max_length))
    return min(limits, default=None)


def dtype_of(model: Any) -> str:
    """In which a model is run."""
    return str(model.dtype).removeprefix("torch.")


def device_of(model: Any) -> Any:
    """Where inputs go: weights that wait elsewhere until they are needed are brought in together with them."""
    return "cpu" if model.device.type == "meta" else model.device


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
