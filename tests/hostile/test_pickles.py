"""Nothing is executed from data: no pickle, no code of a model's without its flag."""

from __future__ import annotations

import ast
import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

import foretell
from foretell.exceptions import ForetellError
from foretell.representations.imported.array_files import open_arrays, read_texts
from foretell.representations.loading.load_pairs import load_pairs
from foretell.representations.store.reader import open_store
from foretell.representations.store_comparison import load_side
from tests.hostile.readers import READERS

SOURCE = Path(foretell.__file__).parent
NEVER = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
_READERS_OF_PICKLES = ("torch.jit.load", "read_pickle", "torch.package", "torch.hub.load")
_IMPORTING = ("require", "import_module")


class Evil:
    """An object that leaves a folder behind when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.mark),)


def _calls(tree: ast.AST) -> list[tuple[str, ast.Call]]:
    return [(ast.unparse(node.func), node) for node in ast.walk(tree) if isinstance(node, ast.Call)]


def _names(tree: ast.AST) -> dict[str, str]:
    """What the names that a source imports stand for, wherever it does: ``import torch as t``."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {one.asname: one.name for one in node.names if one.asname}
        elif isinstance(node, ast.ImportFrom):
            found |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and node.value.args:
            first = node.value.args[0]
            if ast.unparse(node.value.func).endswith(_IMPORTING) and isinstance(first, ast.Constant):
                found |= {one.id: str(first.value) for one in node.targets if isinstance(one, ast.Name)}
    return found


def _faults(source: str) -> Iterator[str]:
    """What of a source unpickles, or runs what is given to it."""
    tree = ast.parse(source)
    names = _names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name.partition(".")[0] in NEVER)
        elif isinstance(node, ast.ImportFrom):
            whole = [f"{node.module}.{one.name}" for one in node.names]
            yield from (one for one in whole if one.partition(".")[0] in NEVER or one.endswith(_READERS_OF_PICKLES))
        elif isinstance(node, ast.Attribute | ast.Name) and _full(node, names).endswith(_READERS_OF_PICKLES):
            yield ast.unparse(node)
    for said, call in _calls(tree):
        given = {one.arg: ast.unparse(one.value) for one in call.keywords}
        name = _full(call.func, names)
        safe = {
            "torch.load": given.get("weights_only") == "True",
            "numpy.load": given.get("allow_pickle") == "False",
            "yaml.load": given.get("Loader") == "_Loader",
        }.get(name.replace("np.load", "numpy.load"), not (name.startswith("yaml.") and name.endswith("load")))
        asked = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else ""
        imports = said.endswith(_IMPORTING) and str(asked).partition(".")[0] in NEVER
        harms = name in ("eval", "exec", "compile", "os.system", "__import__") or "shell" in given
        if harms or imports or not (safe or name == "yaml.safe_load"):
            yield ast.unparse(call)


def _full(node: ast.AST, names: Mapping[str, str]) -> str:
    """A dotted name with what its first part was imported as."""
    first, dot, rest = ast.unparse(node).partition(".")
    return f"{names.get(first, first)}{dot}{rest}"


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_the_source_unpickles_nothing(path: Path) -> None:
    assert list(_faults(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "from torch import load\nload(path)",
        "from torch import load as read\nread(path)",
        "import torch as t\nt.load(path)",
        "torch = require('torch', 'models')\ntorch.load(path)",
        "t = require('torch', 'models')\nt.load(path)",
        "import torch\ntorch.load(path, weights_only=False)",
        "import torch\ntorch.jit.load(path)",
        "from torch import jit\njit.load(path)",
        "import pandas as pd\npd.read_pickle(path)",
        "from pandas import read_pickle",
        "import numpy as np\nnp.load(path)",
        "from numpy import load\nload(path, allow_pickle=True)",
        "import yaml as y\ny.unsafe_load(text)",
        "import yaml\nyaml.load(text, Loader=yaml.Loader)",
        "require('pickle', None)",
        "importlib.import_module('dill')",
        "p = require('_pickle', None)",
        "exec(text)",
        "run(text, shell=True)",
    ],
)
def test_what_would_unpickle_is_seen(source: str) -> None:
    assert list(_faults(source))


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.safetensors", "a.pt", "a.bin", "a.ckpt", "a.pkl", "raw.npy"])
def test_a_pickle_is_opened_nowhere(name: str, tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    mark, path = tmp_path / "harmed", tmp_path / name
    evil = np.array([Evil(mark)], dtype=object)
    if name == "a.npy":
        np.save(path, evil, allow_pickle=True)
    elif name == "a.npz":
        np.savez(path, ids=evil, layer0=evil)
    elif name == "a.pt":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", pickle.dumps(Evil(mark)))
    else:
        path.write_bytes(pickle.dumps(Evil(mark)))
    for read in (
        open_arrays,
        read_texts,
        load_side,
        open_store,
        foretell.load_result,
        lambda place: load_pairs(place, ["en"]),
        lambda place: foretell.import_activations(
            place, pairs=READERS_PAIRS(), side="en", out=tmp_path / "s", model_id="m"
        ),
    ):
        with pytest.raises(ForetellError):
            read(path)
    assert not mark.exists()


def READERS_PAIRS() -> foretell.Pairs:  # noqa: N802
    """Pairs of texts."""
    from tests.hostile.readers import _pairs

    found: foretell.Pairs = _pairs()
    return found


def test_a_store_unpickles_no_older_format(tmp_path: Path) -> None:
    """Consolidated metadata can describe arrays of zarr's version 2, one of whose filters is pickle."""
    pytest.importorskip("zarr")
    READERS["stores' metadata"].make(tmp_path)
    store, mark = tmp_path / "en.zarr", tmp_path / "harmed"
    said = json.loads((store / "zarr.json").read_text(encoding="utf-8"))
    array = {"zarr_format": 2, "shape": [13], "chunks": [13], "dtype": "|O", "fill_value": 0, "order": "C"}
    array |= {"filters": [{"id": "pickle"}], "compressor": None, "attributes": {}}
    said["consolidated_metadata"] = {"kind": "inline", "must_understand": False, "metadata": {"ids/offsets": array}}
    (store / "zarr.json").write_text(json.dumps(said), encoding="utf-8")
    (store / "ids" / "offsets" / "0").write_bytes(pickle.dumps(Evil(mark)))
    assert len(open_store(store).ids) == 12
    assert not mark.exists()


def test_code_of_a_model_runs_with_the_flag_alone(tiny_model_folder: Path, tmp_path: Path) -> None:
    from foretell.representations.loading.load_model import load_text_model

    folder, mark = shutil.copytree(tiny_model_folder, tmp_path / "model"), tmp_path / "harmed"
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModel": "own.Model"}}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "own.py").write_text(f"import os\nos.mkdir({str(mark)!r})\n", encoding="utf-8")
    with pytest.raises(ForetellError, match="code that comes with it is not run"):
        load_text_model(folder)
    assert not mark.exists()
