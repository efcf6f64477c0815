"""Every family's layers are those of the public interface, whatever the batch they are read in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from foretell.representations.loading.load_model import load_text_model
from foretell.representations.models.base import Reading
from foretell.representations.models.text import TextModel
from tests.representations.models.families import FAMILIES, FINAL_NORMS, WORDS, save_family
from tests.representations.models.reference import reference_states, sign_disagreement

torch = pytest.importorskip("torch")

FLOOR = 1e-4
"""Signs may differ where an activation is below this share of its layer's median magnitude."""


def texts_of(rng: np.random.Generator, n_texts: int) -> list[str]:
    return [" ".join(rng.choice(WORDS, size)) for size in rng.integers(1, 14, n_texts)]


TEXTS = texts_of(np.random.default_rng(0), 24)


@pytest.fixture(scope="module", params=FAMILIES)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    # A tokenizer that pads on the left must make no difference.
    return save_family(request.param, tmp_path_factory.mktemp("family") / request.param, padding_side="left")


@pytest.fixture(scope="module")
def model(folder: Path) -> TextModel:
    return load_text_model(folder)


@pytest.fixture(scope="module")
def public(folder: Path) -> list[list[NDArray[np.float32]]]:
    return reference_states(folder, TEXTS)


def states(model: TextModel, texts: list[str], *, batch: int) -> list[dict[str, NDArray[np.float32]]]:
    """For each text, layer -> hidden states of its real tokens, read in batches of that size."""
    read = model.read(texts)
    found: list[dict[str, NDArray[np.float32]]] = [{} for _ in texts]
    for start in range(0, len(texts), batch):
        part = read[start : start + batch]

        def keep(layer: str, hidden: object, part: list = part, start: int = start) -> None:  # type: ignore[type-arg]
            array = hidden.numpy()  # type: ignore[attr-defined]
            for row, item in enumerate(part):
                found[start + row][layer] = array[row, item.places].copy()

        model.hidden_states(part, keep)
    return found


def public_names(model: TextModel) -> list[str]:
    """The layers that the public `hidden_states` holds, in its order."""
    return [name for name in model.n_dimensions if name != str(model.n_blocks) or "final" not in model.n_dimensions]


def flat(items: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.concatenate(items)


def test_signs_are_those_of_the_reference_loop(model: TextModel, public: list[list[NDArray[np.float32]]]) -> None:
    ours = states(model, TEXTS, batch=7)
    names = public_names(model)
    assert len(names) == len(public[0]) == model.n_blocks + 1
    for number, name in enumerate(names):
        theirs = flat([item[number] for item in public])
        share, sure = sign_disagreement(flat([item[name] for item in ours]) > 0, theirs, floor=FLOOR)
        assert sure == 0, name
        assert share < 1e-3, name
        # The same comparison sees an error of one token and of one layer.
        shifted = flat([np.roll(item[name], 1, axis=0) for item in ours])
        assert sign_disagreement(shifted > 0, theirs, floor=FLOOR)[1] > 0.02, name
        neighbour = names[number - 1 if number else 1]
        if flat([item[neighbour] for item in ours]).shape == theirs.shape:
            wrong = sign_disagreement(flat([item[neighbour] for item in ours]) > 0, theirs, floor=FLOOR)[1]
            assert wrong > 0.02, name


def test_neither_batch_nor_order_nor_padding_matter(model: TextModel) -> None:
    alone = states(model, TEXTS, batch=1)
    order = np.random.default_rng(1).permutation(len(TEXTS))
    shuffled = states(model, [TEXTS[item] for item in order], batch=len(TEXTS))
    for layer in model.n_dimensions:
        one = flat([alone[item][layer] for item in order])
        other = flat([item[layer] for item in shuffled])
        assert np.abs(one - other).max() < FLOOR * np.median(np.abs(one)), layer
        assert sign_disagreement(other > 0, one, floor=FLOOR)[1] == 0, layer


def test_layers_span_the_depth(model: TextModel) -> None:
    numbered = [name for name in model.n_dimensions if name != "final"]
    assert [int(name) / model.n_blocks for name in numbered] == pytest.approx(np.linspace(0, 1, model.n_blocks + 1))


def test_the_last_block_is_what_the_final_norm_takes(folder: Path, model: TextModel) -> None:
    if folder.name not in FINAL_NORMS:
        assert "final" not in model.n_dimensions
        return
    from transformers import AutoModel

    norm = AutoModel.from_pretrained(folder).get_submodule(FINAL_NORMS[folder.name])
    for item in states(model, TEXTS[:3], batch=3):
        with torch.no_grad():
            normed = norm(torch.tensor(item[str(model.n_blocks)])).numpy()
        np.testing.assert_allclose(normed, item["final"], rtol=1e-4, atol=1e-5)


def test_longest_text(model: TextModel) -> None:
    assert model.max_length == 64
    longest = Reading(np.arange(5, 69), 64, np.arange(64))
    model.hidden_states([longest], lambda _layer, hidden: None)
