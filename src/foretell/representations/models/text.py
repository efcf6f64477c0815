"""Text models: tokens in, every layer's hidden states out, one layer at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from foretell.exceptions import InputError, check_option, require
from foretell.representations.models.base import DTYPES, FINAL, Modality, Reading, Visit
from foretell.representations.models.decoded import quiet_transformers
from foretell.representations.models.source import ModelInfo, describe_model

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["TextModel", "load_text_model"]


class TextModel:
    """A pretrained transformer without its output head, made by `load_text_model`.

    Layers are named by number: "0" is what enters the first block (embeddings, with whatever the model
    scales or adds before its blocks), "l" is the output of block l (the residual stream, before any norm
    that a later block applies), and "final" is the model's last hidden state, after the final norm.
    Models without a final norm have no "final". Transformers' own ``hidden_states[-1]`` is "final", not
    the last block's output, for models that have one.
    """

    modality: Modality = "text"

    def __init__(self, info: ModelInfo, *, dtype: str, model: Any, tokenizer: Any) -> None:
        config = model.config.get_text_config()
        self.info = info
        self.dtype = dtype
        self.n_blocks = int(config.num_hidden_layers)
        self._hidden_size = int(config.hidden_size)
        self.max_length: int | None = getattr(config, "max_position_embeddings", None)
        self._model = model
        self._tokenizer = tokenizer
        self._pad_id = 0 if tokenizer.pad_token_id is None else int(tokenizer.pad_token_id)
        self._blocks = _find_blocks(model, self.n_blocks, info.id)
        numbered = [str(number) for number in range(self.n_blocks + 1)]
        names = [*numbered, FINAL] if self._has_final_norm() else numbered
        self.n_dimensions: dict[str, int] = dict.fromkeys(names, self._hidden_size)

    def __repr__(self) -> str:
        return f"TextModel({self.info.id!r}, n_blocks={self.n_blocks}, hidden_size={self._hidden_size})"

    def read(self, contents: Sequence[str]) -> list[Reading]:
        """Tokens of each text, whole: nothing is cut off or padded."""
        if not contents:
            return []
        encoded = self._tokenizer(list(contents), add_special_tokens=True, return_special_tokens_mask=True)
        return [
            Reading(np.array(ids, np.int64), len(ids), np.flatnonzero(~np.array(special, bool)))
            for ids, special in zip(encoded["input_ids"], encoded["special_tokens_mask"], strict=True)
        ]

    def hidden_states(self, batch: Sequence[Reading], visit: Visit) -> None:
        """Run one forward pass and show every layer's hidden states as soon as they exist.

        Texts are padded on the right and the padding is masked, so position p of a row is token p of its
        text. `visit` must take what it needs at once: nothing is kept, and no more than one layer's
        hidden states are held for it.

        Parameters
        ----------
        batch : sequence of Reading
            One or more texts.
        visit : callable
            Called with each name of `n_dimensions`, in order, and a tensor of shape (len(batch), width, H)
            where width is the longest text's.
        """
        torch = require("torch", "hf")
        width = max(item.length for item in batch)
        ids = np.full((len(batch), width), self._pad_id, np.int64)
        mask = np.zeros((len(batch), width), np.int64)
        for row, item in enumerate(batch):
            ids[row, : item.length] = item.values
            mask[row, : item.length] = 1
        device = self._model.device
        with torch.inference_mode(), self._visited_by(visit):
            last = self._model(
                input_ids=torch.from_numpy(ids).to(device),
                attention_mask=torch.from_numpy(mask).to(device),
                use_cache=False,
            ).last_hidden_state
            if FINAL in self.n_dimensions:
                visit(FINAL, last)

    @contextlib.contextmanager
    def _visited_by(self, visit: Visit) -> Iterator[None]:
        """Show `visit` what enters the first block and what leaves each, while the context lasts."""

        def before_first(_block: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            visit("0", args[0] if args else kwargs["hidden_states"])

        def after(number: int) -> Callable[[Any, Any, Any], None]:
            def hook(_block: Any, _args: Any, output: Any) -> None:
                visit(str(number), output[0] if isinstance(output, tuple) else output)

            return hook

        with contextlib.ExitStack() as hooks:
            first = self._blocks[0].register_forward_pre_hook(before_first, with_kwargs=True)
            hooks.callback(first.remove)
            for number, block in enumerate(self._blocks, start=1):
                hooks.callback(block.register_forward_hook(after(number)).remove)
            yield

    def _has_final_norm(self) -> bool:
        """Whether anything changes the last block's output, seen on a text of a few tokens.

        More than one, because a padding token's embedding may be 0, which a norm leaves as it is.
        """
        torch = require("torch", "hf")
        seen: dict[str, Any] = {}
        self.n_dimensions = {str(self.n_blocks): self._hidden_size, FINAL: self._hidden_size}
        self.hidden_states([Reading(np.arange(4), 4, np.arange(4))], seen.__setitem__)
        return not torch.equal(seen[str(self.n_blocks)], seen[FINAL])


def load_text_model(name: str, *, dtype: str = "float32", cache: Path | None = None) -> TextModel:
    """Load a text model, its built-in weights fetched and decoded on first use.

    Parameters
    ----------
    name : str
        ``"smollm2-135m"``, or the path of a folder in the hub's layout (config.json, safetensors,
        tokenizer.json). No code from the folder is run and no pickle is read.
    dtype : {"float32", "bfloat16", "float16"}
        In which the model is run.
    cache : Path, optional
        Folder of the cache, `cache_dir()` by default.

    Raises
    ------
    OptionError
        For an unknown name or dtype.
    InputError
        If the folder lacks a file, or transformers cannot load it.
    FetchError
        If a built-in model is not in the cache and cannot be fetched.
    """
    check_option("dtype", dtype, DTYPES)
    info = describe_model(name, cache=cache)
    torch, transformers = require("torch", "hf"), require("transformers", "hf")
    local = {"local_files_only": True, "trust_remote_code": False}
    try:
        with quiet_transformers():
            tokenizer = transformers.AutoTokenizer.from_pretrained(info.folder, **local)
            model = transformers.AutoModel.from_pretrained(
                info.folder, use_safetensors=True, dtype=getattr(torch, dtype), **local
            )
    except (OSError, ValueError, KeyError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise InputError(f"transformers cannot load {info.folder} ({reason}): check its files.") from error
    return TextModel(info, dtype=dtype, model=model.eval(), tokenizer=tokenizer)


def _find_blocks(model: Any, n_blocks: int, name: str) -> Any:
    """The list of the model's blocks: the one ModuleList as long as the configuration says."""
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
