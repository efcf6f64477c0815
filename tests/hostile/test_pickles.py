"""Nothing is executed from data: no pickle, no code of a model's without its flag."""

from __future__ import annotations

import ast
import json
import os
import pickle
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

import foretell
from foretell.exceptions import ForetellError
from foretell.representations.array_files import open_arrays, read_texts
from foretell.representations.comparing import load_side
from foretell.representations.data import load_pairs
from foretell.representations.store import open_store
from tests.hostile.readers import READERS

SOURCE = Path(foretell.__file__).parent
NEVER = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}


class Evil:
    """An object that leaves a folder behind when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.mark),)


def _calls(tree: ast.AST) -> list[tuple[str, ast.Call]]:
    return [(ast.unparse(node.func), node) for node in ast.walk(tree) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_the_source_unpickles_nothing(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert not NEVER & {name.name.partition(".")[0] for name in node.names}
        if isinstance(node, ast.ImportFrom):
            assert (node.module or "").partition(".")[0] not in NEVER
    for name, call in _calls(tree):
        given = {one.arg: ast.unparse(one.value) for one in call.keywords}
        assert name not in ("eval", "exec", "compile", "os.system", "__import__"), ast.unparse(call)
        if name in ("torch.load", "np.load", "numpy.load"):
            safe = given.get("weights_only") == "True" if name == "torch.load" else given.get("allow_pickle") == "False"
            assert safe, ast.unparse(call)
        if name.startswith("yaml.") and name.endswith("load"):
            assert name == "yaml.safe_load" or given.get("Loader") == "_Loader", ast.unparse(call)
        assert "shell" not in given, ast.unparse(call)


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
    from foretell.representations.models import load_text_model

    folder, mark = shutil.copytree(tiny_model_folder, tmp_path / "model"), tmp_path / "harmed"
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModel": "own.Model"}}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "own.py").write_text(f"import os\nos.mkdir({str(mark)!r})\n", encoding="utf-8")
    with pytest.raises(ForetellError, match="code that comes with it is not run"):
        load_text_model(folder)
    assert not mark.exists()
