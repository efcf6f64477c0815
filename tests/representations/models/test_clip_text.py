"""The text tower of CLIP."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from foretell.representations.loading.load_model import load_image_model, load_text_model
from foretell.representations.models.base import ModelOptions
from foretell.representations.models.text import TextModel

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.representations.models.vision import FAMILIES, Saved, save, scene  # noqa: E402

TEXTS = ("a red dog", "one big tree here", "cat")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    from transformers import CLIPTokenizer

    letters = [*string.ascii_lowercase, *(f"{letter}</w>" for letter in string.ascii_lowercase)]
    vocabulary = {name: number for number, name in enumerate(["<|startoftext|>", "<|endoftext|>", *letters])}
    saved = save(FAMILIES[3], tmp_path_factory.mktemp("clip") / "clip")
    CLIPTokenizer(vocab=vocabulary, merges=[]).save_pretrained(saved.folder)
    return saved


@pytest.fixture(scope="module")
def model(clip: Saved) -> TextModel:
    return load_text_model(str(clip.folder), ModelOptions(device="cpu"))


def states(model: TextModel, texts: tuple[str, ...]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    model.hidden_states(model.read(texts), lambda layer, hidden: seen.update({layer: hidden.clone()}))
    return seen


def test_the_start_and_the_end_are_not_its_tokens(model: TextModel) -> None:
    for text, item in zip(TEXTS, model.read(TEXTS), strict=True):
        letters = len(text.replace(" ", ""))
        assert item.length == letters + 2
        assert item.places.tolist() == [*range(1, letters + 1)]
        assert (item.values[0], item.values[-1]) == (0, 1)


def test_layers_are_those_of_the_public_interface(clip: Saved, model: TextModel, tmp_path: Path) -> None:
    from transformers import AutoModel

    assert [*model.n_dimensions] == ["0", "1", "2", "3", "final"]
    assert (model.modality, model.max_length) == ("text", 20)
    tower = AutoModel.from_pretrained(clip.folder).eval().text_model
    together = states(model, TEXTS)
    for row, (text, item) in enumerate(zip(TEXTS, model.read(TEXTS), strict=True)):
        with torch.no_grad():
            out = tower(torch.tensor(item.values[None]), output_hidden_states=True)
        public = dict(zip(model.n_dimensions, [*out.hidden_states, out.last_hidden_state], strict=True))
        for layer, state in public.items():
            torch.testing.assert_close(states(model, (text,))[layer], state, msg=layer)
            # Longer texts beside it change nothing.
            torch.testing.assert_close(together[layer][row, : item.length], state[0], rtol=1e-4, atol=1e-5)


def test_both_towers_come_from_one_folder(clip: Saved, model: TextModel) -> None:
    images = load_image_model(str(clip.folder), ModelOptions(device="cpu"))
    assert images.info.revision == model.info.revision
    assert images.info.tokenizer != model.info.tokenizer
    assert images.read([scene(0)])[0].n_tokens == 16


def test_other_dtypes(clip: Saved) -> None:
    seen = states(load_text_model(str(clip.folder), ModelOptions(dtype="bfloat16")), TEXTS)
    assert {hidden.dtype for hidden in seen.values()} == {torch.bfloat16}
    assert np.isfinite(seen["final"].float().numpy()).all()
