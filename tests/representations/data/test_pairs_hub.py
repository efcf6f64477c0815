"""Sets in the hub's layout, read through `datasets` from folders."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from foretell.exceptions import InputError, OptionError
from foretell.representations.loading.load_pairs import load_pairs

datasets = pytest.importorskip("datasets")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)


@pytest.fixture
def books(tmp_path: Path) -> Path:
    """Two configs of translations, as the sets of OPUS are laid out."""
    folder = tmp_path / "books"
    features = {
        "id": datasets.Value("string"),
        "translation": datasets.Translation(["en", "fr"]),
    }
    texts = [{"en": f"sentence {n}", "fr": f"phrase {n}"} for n in range(5)] + [{"en": "", "fr": "rien"}]
    for config, split in (("en-fr", "train"), ("en-fr", "test"), ("other", "train")):
        rows = texts if config == "en-fr" and split == "train" else texts[:2]
        found = datasets.Dataset.from_dict(
            {"id": [str(10 * n) for n in range(len(rows))], "translation": rows}, features=datasets.Features(features)
        )
        (folder / config).mkdir(parents=True, exist_ok=True)
        found.to_parquet(folder / config / f"{split}-00000-of-00001.parquet")
    (folder / "README.md").write_text(
        "---\nlicense: cc-by-4.0\nconfigs:\n"
        "- config_name: en-fr\n  data_files:\n  - split: train\n    path: en-fr/train-*\n"
        "  - split: test\n    path: en-fr/test-*\n"
        "- config_name: other\n  data_files: other/train-*\n---\n"
    )
    return folder


def test_translations_are_sides(books: Path) -> None:
    pairs = load_pairs(f"hub:{books}", ["fr", "en"], config="en-fr", id="id")
    assert pairs.ids == ("0", "10", "20", "30", "40")
    assert pairs.texts["fr"] == tuple(f"phrase {n}" for n in range(5))
    assert pairs.dropped == {"no text on side en": 1}
    assert pairs.name == "books en-fr"
    assert pairs.source == "books, split train, 6 rows"
    test = load_pairs(f"hub:{books}", ["a"], config="en-fr", split="test", columns={"a": "translation.en"})
    assert (test.ids, test.texts["a"]) == (("row 0", "row 1"), ("sentence 0", "sentence 1"))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"config": "en-de"}, InputError, "en-de"),
        ({"config": "en-fr", "split": "validation"}, InputError, "validation"),
        ({}, InputError, "config None"),
        ({"config": "en-fr", "id": "name"}, OptionError, "no column 'name'"),
        ({"config": 5}, OptionError, "config"),
        ({"trust_remote_code": True}, OptionError, "'trust_remote_code' is not an option"),
    ],
)
def test_what_is_not_in_a_set_is_one_clear_line(
    books: Path, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        load_pairs(f"hub:{books}", ["en", "fr"], **options)
    assert "\n" not in str(caught.value)


def test_a_set_that_cannot_be_reached_is_one_clear_line() -> None:
    with pytest.raises(InputError, match=r"nobody/nothing.* cannot be loaded"):
        load_pairs("hub:nobody/nothing", ["en", "fr"])


def test_the_code_of_a_set_is_not_run(tmp_path: Path) -> None:
    folder = tmp_path / "scripted"
    folder.mkdir()
    (folder / "scripted.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(InputError, match="cannot be loaded"):
        load_pairs(f"hub:{folder}", ["en"])
    assert not (tmp_path / "ran").exists()


def png(red: int) -> bytes:
    images = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    images.new("RGB", (4, 4), (red, 0, 0)).save(file, "PNG")
    return file.getvalue()


def test_images_in_a_folder_keep_their_files(tmp_path: Path) -> None:
    train = tmp_path / "photos" / "train"
    train.mkdir(parents=True)
    lines = []
    for n in range(3):
        (train / f"{n}.png").write_bytes(png(50 * n))
        lines.append(json.dumps({"file_name": f"{n}.png", "captions": [f"caption {n}", f"another {n}"]}))
    (train / "metadata.jsonl").write_text("\n".join(lines))
    columns = {"en": "captions"}
    first = load_pairs(f"hub:{train.parent}", ["image", "en"], columns=columns)
    assert first.texts["en"] == ("caption 0", "caption 1", "caption 2")
    assert [picture.read() for picture in first.pictures["image"]] == [png(0), png(50), png(100)]
    assert [picture.name for picture in first.pictures["image"]] == ["train/0.png", "train/1.png", "train/2.png"]
    every = load_pairs(f"hub:{train.parent}", ["image", "en"], columns=columns, captions="all")
    assert every.ids == ("row 0/0", "row 0/1", "row 1/0", "row 1/1", "row 2/0", "row 2/1")
    assert every.groups == tuple(f"train/{n}.png" for n in (0, 0, 1, 1, 2, 2))


def test_images_inside_a_table_are_drawn_in_pairs_of_a_class(tmp_path: Path) -> None:
    folder = tmp_path / "digits"
    folder.mkdir()
    found = datasets.Dataset.from_dict(
        {"picture": [{"bytes": png(20 * n), "path": None} for n in range(6)], "label": [n % 2 for n in range(6)]},
        features=datasets.Features({"picture": datasets.Image(), "label": datasets.Value("int64")}),
    )
    found.to_parquet(folder / "train.parquet")
    options: dict[str, Any] = {"columns": {"a": "picture", "b": "picture"}, "classes": "label"}
    pairs = load_pairs(f"hub:{folder}", ["a", "b"], **options)
    assert pairs.groups == ("0", "1")
    assert {picture.read() for picture in pairs.pictures["a"]} < {png(20 * n) for n in range(6)}
    assert pairs.pictures["a"][0].rgb().size == (4, 4)
    again = load_pairs(folder, ["a", "b"], **options)
    assert again.ids == pairs.ids
    assert [one.sha256 for one in again.pictures["b"]] == [one.sha256 for one in pairs.pictures["b"]]


def test_a_set_does_not_choose_which_files_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (tmp_path / "secret.png").write_bytes(png(0))
    found = datasets.Dataset.from_dict(
        {"image": [{"bytes": None, "path": str(tmp_path / "secret.png")}], "en": ["text"]},
        features=datasets.Features(
            {
                "image": {"bytes": datasets.Value("binary"), "path": datasets.Value("string")},
                "en": datasets.Value("string"),
            }
        ),
    )
    found.to_parquet(folder / "train.parquet")
    for source in (f"hub:{folder}", folder):
        with pytest.raises(InputError, match=r"row 0 of .*, column 'image', is .* outside the folder of the set"):
            load_pairs(source, ["image", "en"], pictures=["image"])
