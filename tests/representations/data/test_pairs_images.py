"""Pairs of images: captions, classes, views; and whose files are not read."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import pytest

from foretell.exceptions import InputError, OptionError
from foretell.representations.loading.load_pairs import load_pairs

# Images are only decoded when a model reads them, so any bytes do.


def write(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"image {name}".encode())
    return folder


def test_a_folder_with_a_table_pairs_images_and_captions(tmp_path: Path) -> None:
    write(tmp_path, "cats/1.png", "2.jpg", "5.png")
    (tmp_path / "captions.tsv").write_text(
        "file_name\ten\tset\ncats/1.png\ta cat\tx\n./cats/../2.jpg\ta dog\tx\n3.png\tnot there\ty\n2.jpg\tthe dog\tx\n"
        "\tnone\ty\n5.png\t \ty\n"
    )
    pairs = load_pairs(tmp_path, ["image", "en"], columns={"image": "file_name"}, group="set")
    assert pairs.ids == ("line 2", "line 3")
    assert [picture.name for picture in pairs.pictures["image"]] == ["cats/1.png", "2.jpg"]
    assert [picture.read() for picture in pairs.pictures["image"]] == [b"image cats/1.png", b"image 2.jpg"]
    assert pairs.texts["en"] == ("a cat", "a dog")
    assert pairs.groups == ("x", "x")
    assert pairs.dropped == {
        "no image on side image": 2,
        "another caption of the same image": 1,
        "no text on side en": 1,
    }


def test_all_captions_of_an_image_are_a_group(tmp_path: Path) -> None:
    write(tmp_path, "1.png", "2.png")
    (tmp_path / "t.csv").write_text("image,en\n1.png,a cat\n2.png,a dog\n1.png,the cat\n")
    pairs = load_pairs(tmp_path / "t.csv", ["image", "en"], captions="all")
    assert pairs.ids == ("line 2", "line 3", "line 4")
    assert pairs.groups == ("1.png", "2.png", "1.png")


def test_a_cell_may_hold_several_captions(tmp_path: Path) -> None:
    write(tmp_path, "1.png", "2.png")
    (tmp_path / "t.jsonl").write_text(
        '{"image": "1.png", "en": [" ", "a cat", "the cat"], "de": "Katze"}\n{"image": "2.png", "en": ["a dog"]}\n'
    )
    first = load_pairs(tmp_path / "t.jsonl", ["image", "en", "de"])
    assert (first.ids, first.texts["en"]) == (("line 1",), ("a cat",))
    every = load_pairs(tmp_path / "t.jsonl", ["image", "en"], captions="all")
    assert every.ids == ("line 1/1", "line 1/2", "line 2/0")
    assert every.groups == ("1.png", "1.png", "2.png")
    assert every.texts["en"] == ("a cat", "the cat", "a dog")
    assert every.dropped == {"no text on side en": 1}
    both = load_pairs(tmp_path / "t.jsonl", ["image", "en", "de"], captions="all")
    assert both.texts["de"] == ("Katze", "Katze")


def test_two_columns_are_two_views(tmp_path: Path) -> None:
    write(tmp_path, "a1.png", "b1.png", "a2.png")
    (tmp_path / "t.csv").write_text("left,right\na1.png,b1.png\na2.png,b2.png\n")
    pairs = load_pairs(tmp_path / "t.csv", ["left", "right"], pictures=["left", "right"])
    assert pairs.ids == ("line 2",)
    assert pairs.dropped == {"no image on side right": 1}


@pytest.mark.parametrize(
    "path", ["../secret.png", "/etc/hostname", "link.png", "linked/secret.png", "a/../../secret.png"]
)
def test_a_table_does_not_choose_which_files_are_read(tmp_path: Path, path: str) -> None:
    write(tmp_path, "secret.png")
    folder = write(tmp_path / "set", "fine.png")
    os.symlink(tmp_path / "secret.png", folder / "link.png")
    os.symlink(tmp_path, folder / "linked")
    (folder / "t.tsv").write_text(f"image\ten\nfine.png\tgood\n{path}\tbad\n")
    with pytest.raises(InputError, match=r"line 3 of 't', column 'image', is .* outside the folder of the set"):
        load_pairs(folder, ["image", "en"])


def test_a_path_from_the_root_is_refused_even_inside_the_folder(tmp_path: Path) -> None:
    # A table that is moved with its images to another machine must mean the same there.
    write(tmp_path, "1.png")
    (tmp_path / "t.tsv").write_text(f"image\ten\n{tmp_path / '1.png'}\ttext\n")
    with pytest.raises(InputError, match=r"outside the folder"):
        load_pairs(tmp_path, ["image", "en"])


@pytest.mark.parametrize(("cell", "message"), [("5", "is 5, which is no path"), ('"a\\u0000b"', "which is no path")])
def test_what_is_no_path_is_named(tmp_path: Path, cell: str, message: str) -> None:
    (tmp_path / "t.jsonl").write_text(f'{{"image": {cell}, "en": "x"}}\n')
    with pytest.raises(InputError, match=message):
        load_pairs(tmp_path, ["image", "en"])


def test_the_table_of_several_is_named(tmp_path: Path) -> None:
    write(tmp_path, "1.png")
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(f"image,en\n1.png,{name}\n")
    with pytest.raises(OptionError, match=r"a.csv, b.csv"):
        load_pairs(tmp_path, ["image", "en"])
    assert load_pairs(tmp_path, ["image", "en"], table="b.csv").texts["en"] == ("b.csv",)
    with pytest.raises(OptionError, match=r"a.csv, b.csv"):
        load_pairs(tmp_path, ["image", "en"], table="../b.csv")


def classes_of(tmp_path: Path) -> Path:
    folder = tmp_path / "animals"
    write(folder, *(f"cat/{n}.png" for n in range(7)), *(f"dog/{n}.jpg" for n in range(4)), "cow/1.png", "loose.png")
    write(folder, "cat/notes.txt")
    return folder


def test_images_of_a_class_are_drawn_in_pairs(tmp_path: Path) -> None:
    pairs = load_pairs(classes_of(tmp_path), ("one", "other"), seed=3)
    assert pairs.sides == ("one", "other")
    assert pairs.groups == ("cat", "dog")
    for one, other in zip(pairs.pictures["one"], pairs.pictures["other"], strict=True):
        assert one.name != other.name
        assert one.name.split("/")[0] == other.name.split("/")[0]
    assert pairs.dropped == {"the only image of its class": 1, "image not drawn for a pair (seed 3)": 7}
    assert pairs.name == "animals"


def test_more_pairs_a_class_hold_the_fewer_and_no_image_twice(tmp_path: Path) -> None:
    folder = classes_of(tmp_path)
    loaded = [load_pairs(folder, ("one", "other"), pairs_per_class=n) for n in (1, 2, 3, 9)]
    assert [len(pairs) for pairs in loaded] == [2, 4, 5, 5]
    for fewer, more in itertools.pairwise(loaded):
        assert set(fewer.ids) <= set(more.ids)
    names = [picture.name for side in ("one", "other") for picture in loaded[-1].pictures[side]]
    assert len(set(names)) == len(names)
    assert load_pairs(folder, ("one", "other"), seed=0).ids == loaded[0].ids
    assert load_pairs(folder, ("one", "other"), seed=1).ids != loaded[0].ids


def test_classes_may_be_a_column(tmp_path: Path) -> None:
    write(tmp_path, *(f"{n}.png" for n in range(6)))
    (tmp_path / "t.csv").write_text(
        "path,label\n" + "".join(f"{n}.png,{n % 2}\n" for n in range(6)) + "9.png,1\n0.png,\n"
    )
    options: dict[str, Any] = {"columns": {"a": "path", "b": "path"}, "classes": "label"}
    pairs = load_pairs(tmp_path, ["a", "b"], **options)
    assert pairs.groups == ("0", "1")
    assert pairs.dropped == {
        "no image on side a": 1,
        "no label": 1,
        "image not drawn for a pair (seed 0)": 2,
    }
    assert all(item.startswith(f"{one}: line ") for item, one in zip(pairs.ids, pairs.groups, strict=True))


def test_a_class_does_not_reach_out_of_its_folder(tmp_path: Path) -> None:
    write(tmp_path, "secret.png")
    folder = classes_of(tmp_path)
    os.symlink(tmp_path / "secret.png", folder / "cat" / "link.png")
    with pytest.raises(InputError, match=r"'cat/link.png' of animals is .* outside the folder"):
        load_pairs(folder, ("one", "other"))


@pytest.mark.parametrize("sides", [("one",), ("one", "other", "third")])
def test_pairs_of_a_class_have_two_sides(tmp_path: Path, sides: tuple[str, ...]) -> None:
    with pytest.raises(OptionError, match="two names"):
        load_pairs(classes_of(tmp_path), sides)


def test_a_folder_without_classes_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no class of two images"):
        load_pairs(write(tmp_path, "1.png", "2.png"), ("one", "other"))


def test_folders_are_views_by_name(tmp_path: Path) -> None:
    write(tmp_path / "sketch", "a.png", "deep/b.png", "c.png")
    write(tmp_path / "photo", "a.jpg", "deep/b.jpg", "d.jpg")
    pairs = load_pairs([tmp_path / "sketch", str(tmp_path / "photo")], ["sketch", "photo"])
    assert pairs.ids == ("a", "deep/b")
    assert [picture.name for picture in pairs.pictures["photo"]] == ["a.jpg", "deep/b.jpg"]
    assert pairs.dropped == {"no image on side photo": 1, "no image on side sketch": 1}
    with pytest.raises(OptionError, match="2 folders for 1 sides"):
        load_pairs([tmp_path / "sketch", tmp_path / "photo"], ["sketch"])
    write(tmp_path / "photo", "a.png")
    with pytest.raises(InputError, match="two images called 'a'"):
        load_pairs([tmp_path / "sketch", tmp_path / "photo"], ["sketch", "photo"])


def test_files_and_folders_are_not_mixed(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "b/c.png")
    with pytest.raises(OptionError, match="files and folders"):
        load_pairs([tmp_path / "a.txt", tmp_path / "b"], ["a", "b"])
