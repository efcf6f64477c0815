"""What several storeys' tests share: a tiny model, made here, and one extraction with the demo's real one."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, settings

import foretell
from foretell.exceptions import MissingDependencyError

# The measure's tests run with the measure's libraries alone: what needs more is imported by its fixture.
if TYPE_CHECKING:
    from foretell.representations.data.pairs import Pairs
    from foretell.representations.store.reader import Store
    from foretell.studies.answer import Answer

# A slow machine is no fault of the code, and what is judged in CI is the same each time.
settings.register_profile(
    "steady", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("steady")

WORDS = ("the", "a", "red", "blue", "old", "new", "house", "dog", "cat", "tree", "sees", "likes", "two")


SHARED = {
    "tests/representations/extraction/test_extraction.py": "demo_run",
    "tests/cli/test_demo.py": "demo_run",
    "tests/studies/diagnose/test_diagnose.py": "demo_run",
    "tests/studies/plotting/test_figures_public.py": "runs",
    "tests/studies/test_kinds.py": "runs",
    "tests/studies/report/test_browser.py": "runs",
    "tests/studies/report/test_page.py": "runs",
}
"""Files that use a fixture which takes long: one worker has them all, and makes it once."""


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Where there are several workers, each has whole files."""
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

    class ByFile(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::", 1)[0]
            return "cluster" if file.startswith("tests/cluster/") else SHARED.get(file, file)

    return ByFile(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call() -> Generator[None, object, object]:
    """In an environment of the core dependencies alone, a test that needs another library is skipped."""
    try:
        return (yield)
    except MissingDependencyError as error:
        if "FORETELL_CORE_ALONE" not in os.environ:
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session", autouse=True)
def _offline() -> Iterator[None]:
    """No test reaches for the network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORETELL_OFFLINE", "1")
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield


@pytest.fixture(scope="session")
def tiny_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of 3 blocks and 20 dimensions in the hub's layout; its tokenizer adds <s> in front."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    folder = tmp_path_factory.mktemp("tiny") / "tiny-llama"
    vocabulary = {word: number for number, word in enumerate(["<pad>", "<s>", "<unk>", *WORDS])}
    special = {"bos_token": "<s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=special["unk_token"]))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", vocabulary["<s>"])]
    )
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=20,
        intermediate_size=40,
        num_hidden_layers=3,
        num_attention_heads=2,
        max_position_embeddings=64,
        initializer_range=0.3,
        pad_token_id=0,
        bos_token_id=1,
    )
    model = transformers.LlamaModel(config)
    # Weights of 1 would make the final norm the same done twice as done once.
    model.norm.weight.data.uniform_(0.5, 2)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_pairs() -> Pairs:
    """23 items of 6 to 30 words on two sides, in groups of about four."""
    from foretell.representations.data.pairs import Pairs

    rng = np.random.default_rng(0)
    n_items = 23

    def side() -> tuple[str, ...]:
        return tuple(" ".join(rng.choice(WORDS, size)) for size in rng.integers(6, 31, n_items))

    return Pairs(
        name="tiny",
        texts={"left": side(), "right": side()},
        ids=tuple(f"item/{number}" for number in range(n_items)),
        groups=tuple(f"group {number // 4}" for number in range(n_items)),
        licence="CC0-1.0",
        source="made by the tests",
    )


@dataclass(frozen=True)
class DemoRun:
    """The demo's study on few pairs: its folder, what it answered, and the stores of its two sides."""

    folder: Path
    answer: Answer
    en: Store
    es: Store

    @property
    def result(self) -> xr.Dataset:
        """Its one result."""
        return self.answer.result


DEMO_STUDY: dict[str, Any] = {
    "study": "depth",
    "pairs": {"data": "home-assistant", "sides": ["en", "es"], "items": 60},
    "model": "smollm2-135m",
    "measure": {"null": 200},
}


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    """SmolLM2 on 60 Home Assistant texts in English and Spanish: the suite's one real extraction."""
    from foretell.representations.builtin.catalogue import PARTS
    from foretell.representations.builtin.packages import cached
    from foretell.representations.store.reader import open_store

    for name in ("smollm2-135m", "home-assistant"):
        if cached(PARTS[name]) is None:
            pytest.skip(f"{name} is not in the cache: `foretell data fetch {name}` brings it")
    folder = tmp_path_factory.mktemp("demo")
    answer = foretell.run(DEMO_STUDY, out=folder)
    en, es = (open_store(next((folder / "stores").glob(f"{side}-*.zarr"))) for side in ("en", "es"))
    return DemoRun(folder, answer, en, es)
