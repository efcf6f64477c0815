from __future__ import annotations

from pathlib import Path

import pytest

from foretell.exceptions import StudyError
from foretell.studies.config.yaml_file import parse_mapping, read_mapping


def test_words_stay_words() -> None:
    text = "sides: [en, no, on, y]\nflag: true\nnull: 3\n"
    assert parse_mapping(text, source="f") == {"sides": ["en", "no", "on", "y"], "flag": True, "null": 3}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2\n", r"f.yaml: line 4, column 3: the key 'c' is given twice"),
        ("a: [1,\n", r"f.yaml: line 2, column 1: "),
        ("a: &x 1\nb: *x\n", r"line 2, column 4: aliases are not allowed"),
        ("a: !!python/object/apply:os.getcwd []\n", r"line 1, column 4: could not determine a constructor"),
        ("? [1, 2]\n: 3\n", r"a key must be a word"),
        ("a: !!timestamp x\n", r"f.yaml: not YAML"),
        ("a: 2024-99-99\n", r"f.yaml: not YAML: month"),
        ("a: 0x" + "f" * 5000, r"line 1, column 4: a number of so many digits means nothing"),
        ("a: 1" + ":59" * 5000, r"line 1, column 4: a number of so many digits"),
        ("a: \x01", r"f.yaml: not YAML: unacceptable character"),
        ("[" * 50_000, r"f.yaml: nested too deeply"),
        ("- 1\n", r"f.yaml: holds a list, not keys and values"),
        ("", r"f.yaml: holds nothing"),
    ],
)
def test_faults_are_one_line_that_names_the_file(text: str, says: str) -> None:
    with pytest.raises(StudyError, match=says) as raised:
        parse_mapping(text, source="f.yaml")
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith("f.yaml: ")


def test_unreadable_files_say_why(tmp_path: Path) -> None:
    (tmp_path / "large.yaml").write_bytes(b"#" * (2**17 + 1))
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9")
    for name, says in [
        ("absent.yaml", "No such file"),
        ("large.yaml", "has more than 131,072 bytes"),
        ("latin.yaml", "UTF-8"),
    ]:
        with pytest.raises(StudyError, match=says):
            read_mapping(tmp_path / name)
    with pytest.raises(StudyError, match="directory"):
        read_mapping(tmp_path)


def test_a_byte_order_mark_is_no_part_of_a_key(tmp_path: Path) -> None:
    (tmp_path / "bom.yaml").write_bytes(b"\xef\xbb\xbfstudy: depth\n")
    assert read_mapping(tmp_path / "bom.yaml") == {"study": "depth"}
