"""Text models: tokens in, every layer's hidden states out, one layer at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from foretell.exceptions import InputError, require
from foretell.representations.models.base import FINAL, Modality, ModelInfo, Reading, Visit
from foretell.representations.models.transformer_blocks import (
    blocks_of,
    blocks_shown,
    device_of,
    dtype_of,
    longest_text,
)


class TextModel:
    """A pretrained transformer without its output head, made by `load_model`.

    Layers are named by number: "0" is what enters the first block (embeddings, with whatever the model scales, adds or
    norms before its blocks), "l" is the output of block l (the residual stream, before any norm that a later block
    applies), and "final" is the model's last hidden state, after the final norm. Models without a final norm have no
    "final". Transformers' own ``hidden_states[-1]`` is "final", not the last block's output, for models that have one.
    """

    modality: Modality = "text"

    def __init__(self, info: ModelInfo, *, model: Any, tokenizer: Any) -> None:
        self.info = info
        self.dtype = dtype_of(model)
        self.n_blocks = int(model.config.num_hidden_layers)
        self.max_length = longest_text(model, tokenizer)
        self._model = model
        self._tokenizer = tokenizer
        self._pad_id = _padding(model, tokenizer)
        self._blocks = blocks_of(model, info.id)
        self.n_dimensions = self._probe()

    def __repr__(self) -> str:
        return f"TextModel({self.info.id!r}, n_blocks={self.n_blocks}, hidden_size={self.n_dimensions['0']})"

    def read(self, contents: Sequence[str]) -> list[Reading]:
        """Tokens of each text, whole: nothing is cut off or padded, and what looks like a special token is text."""
        if not contents:
            return []
        # A text that says "</s>" does not end there; only tokenizers that cannot tell read it as the token.
        encoded = self._tokenizer(
            list(contents),
            add_special_tokens=True,
            return_special_tokens_mask=True,
            split_special_tokens=True,
            padding=False,
            truncation=False,
            verbose=False,
        )
        return [
            Reading(np.array(ids, np.int64), len(ids), np.flatnonzero(~np.array(special, bool)))
            for ids, special in zip(encoded["input_ids"], encoded["special_tokens_mask"], strict=True)
        ]

    def hidden_states(self, batch: Sequence[Reading], visit: Visit) -> None:
        """Run one forward pass and show every layer's hidden states as soon as they exist.

        Texts are padded on the right, whatever the tokenizer would do, and the padding is masked, so position p of a
        row is token p of its text. `visit` must take what it needs at once: nothing is kept, and no more than one
        layer's hidden states are held for it. Each is on the device of its layer.

        Parameters
        ----------
        batch : sequence of Reading
            One or more texts.
        visit : callable
            Called with each name of `n_dimensions`, in order, and a tensor of shape (len(batch), width, H)
            where width is the longest text's.
        """
        self._run(batch, visit, final=FINAL in self.n_dimensions)

    def _run(self, batch: Sequence[Reading], visit: Visit, *, final: bool) -> None:
        torch = require("torch", "hf")
        width = max(item.length for item in batch)
        ids = np.full((len(batch), width), self._pad_id, np.int64)
        mask = np.zeros((len(batch), width), np.int64)
        for row, item in enumerate(batch):
            ids[row, : item.length] = item.values
            mask[row, : item.length] = 1
        device = device_of(self._model)
        with torch.inference_mode(), blocks_shown(self._blocks, visit):
            output = self._model(
                input_ids=torch.from_numpy(ids).to(device), attention_mask=torch.from_numpy(mask).to(device)
            )
            if final:
                visit(FINAL, output[0])

    def _probe(self) -> dict[str, int]:
        """Layer -> its dimensions, and whether there is a final norm, seen on a text of a few tokens.

        More than one, because a padding token's embedding may be 0, which a norm leaves as it is.
        """
        seen: dict[str, Any] = {}
        self._run(
            [Reading(np.arange(4), 4, np.arange(4))], lambda layer, hidden: seen.update({layer: hidden}), final=True
        )
        layers = [*map(str, range(self.n_blocks + 1)), FINAL]
        shapes = {layer: tuple(hidden.shape) for layer, hidden in seen.items()}
        if list(seen) != layers or any(len(shape) != 3 or shape[:2] != (1, 4) for shape in shapes.values()):
            raise InputError(
                f"{self.info.id} ({type(self._model).__name__}) does not show one hidden state a token after each of "
                f"its {self.n_blocks} blocks in turn: it cannot be read layer by layer."
            )
        last, final = seen[str(self.n_blocks)].cpu(), seen[FINAL].cpu()
        if last.shape == final.shape and bool((last == final).all()):
            layers.remove(FINAL)
        return {layer: shapes[layer][-1] for layer in layers}


def _padding(model: Any, tokenizer: Any) -> int:
    """A token to pad with: the model's own, from which some count positions; any will do where there is none."""
    for number in (model.config.pad_token_id, tokenizer.pad_token_id):
        if number is not None and 0 <= number < model.get_input_embeddings().num_embeddings:
            return int(number)
    return 0
