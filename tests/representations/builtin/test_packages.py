"""Built-in parts: found in the cache, fetched by pip, refused when they are not what they should be."""

from __future__ import annotations

import dataclasses
import hashlib
import subprocess
from pathlib import Path

import pytest

from foretell.exceptions import FetchError, WriteError
from foretell.representations.builtin.catalogue import PARTS
from foretell.representations.builtin.packages import Part, cached, fetch
from foretell.representations.cache import cache_dir, made_folder

CONTENT = b"a wheel, for the purpose"


@pytest.fixture
def part() -> Part:
    return dataclasses.replace(
        PARTS["home-assistant"], sha256=hashlib.sha256(CONTENT).hexdigest(), size_bytes=len(CONTENT)
    )


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.delenv("FORETELL_OFFLINE", raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("FORETELL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def npm_part() -> Part:
    return dataclasses.replace(
        PARTS["emoji-fluent"], sha256=hashlib.sha256(CONTENT).hexdigest(), size_bytes=len(CONTENT)
    )


def pretend_client(
    monkeypatch: pytest.MonkeyPatch, content: bytes | None, *, code: int = 0, stderr: str = ""
) -> list[list[str]]:
    """Put a pip and an npm in place that leave `content` where they are told to, and list the calls of them."""
    calls: list[list[str]] = []
    monkeypatch.setattr("foretell.representations.builtin.packages.shutil.which", lambda name: f"/bin/{name}")

    def run(command: list[str], *, cwd: Path | None = None, **_options: object) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        if content is not None:
            name = PARTS["home-assistant" if cwd is None else "emoji-fluent"].filename
            (Path(command[-1] if cwd is None else cwd) / name).write_bytes(content)
        return subprocess.CompletedProcess(command, code, "", stderr)

    monkeypatch.setattr("foretell.representations.builtin.packages.subprocess.run", run)
    return calls


def test_parts_are_complete() -> None:
    assert {"smollm2-135m", "home-assistant", "vscode-en", "emoji-google", "cldr-names"} <= set(PARTS)
    for name, part in PARTS.items():
        assert part.name == name
        assert part.version in part.filename
        assert part.filename.endswith({"pip": ".whl", "npm": ".tgz"}[part.client])
        assert len(part.sha256) == 64
        assert part.licence
    assert len({part.filename for part in PARTS.values()}) == len(PARTS)


def test_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FORETELL_CACHE", str(tmp_path / "mine"))
    assert cache_dir() == tmp_path / "mine"
    monkeypatch.delenv("FORETELL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_dir() == tmp_path / "xdg" / "foretell"
    monkeypatch.setenv("HOME", str(tmp_path))
    for base in ("", "not/absolute"):
        monkeypatch.setenv("XDG_CACHE_HOME", base)
        assert cache_dir() == tmp_path / ".cache" / "foretell"
    monkeypatch.setenv("FORETELL_CACHE", "~/mine")
    assert cache_dir() == tmp_path / "mine"


def test_a_cache_that_cannot_be_is_one_error(
    monkeypatch: pytest.MonkeyPatch, online: Path, part: Part, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FORETELL_CACHE", str(tmp_path / "file"))
    with pytest.raises(WriteError, match=r"The cache .*file/wheels cannot be written to .*set FORETELL_CACHE"):
        fetch(part)
    (tmp_path / "models").write_text("")
    with pytest.raises(
        WriteError, match=r"The cache .*/models cannot be written to \(File exists\): make room, or set"
    ):
        made_folder("m", lambda made, scratch: {}, cache=tmp_path)
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("Could not determine home")))
    for name in ("FORETELL_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(WriteError, match="There is no home folder for the cache: set FORETELL_CACHE"):
        cache_dir()


def test_fetches_once_with_pip_alone(monkeypatch: pytest.MonkeyPatch, online: Path, part: Part) -> None:
    calls = pretend_client(monkeypatch, CONTENT)
    path = fetch(part)
    assert path.read_bytes() == CONTENT
    assert fetch(part) == path == cached(part)
    (command,) = calls
    assert command[1:6] == ["-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    assert "homeassistant==2024.3.3" in command
    assert [file.name for file in path.parent.iterdir()] == [part.filename]


def test_fetches_once_with_npm_alone(monkeypatch: pytest.MonkeyPatch, online: Path, npm_part: Part) -> None:
    calls = pretend_client(monkeypatch, CONTENT)
    path = fetch(npm_part)
    assert path.read_bytes() == CONTENT
    assert fetch(npm_part) == path == cached(npm_part)
    # Scripts of a package never run, and nothing else is installed.
    assert calls == [["/bin/npm", "pack", "--ignore-scripts", "@lobehub/fluent-emoji-3d@1.1.0"]]
    assert [file.name for file in path.parent.iterdir()] == [npm_part.filename]


@pytest.mark.parametrize(
    ("content", "code", "stderr", "message"),
    [
        (b"another file", 0, "", "not the published"),
        (
            None,
            1,
            "npm warn old\nnpm error code E404\nnpm error 404 Not Found\nnpm error 404 more\n",
            r"\(npm error code E404; npm error 404 Not Found\): check the network and npm's .* fetch emoji-fluent`",
        ),
        (None, 1, "npm ERR! code ENOTFOUND", "ENOTFOUND"),
        (None, 0, "", "npm brought no lobehub-fluent-emoji-3d-1.1.0.tgz"),
    ],
)
def test_what_goes_wrong_with_npm_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch,
    online: Path,
    npm_part: Part,
    content: bytes | None,
    code: int,
    stderr: str,
    message: str,
) -> None:
    pretend_client(monkeypatch, content, code=code, stderr=stderr)
    with pytest.raises(FetchError, match=message) as caught:
        fetch(npm_part)
    assert "\n" not in str(caught.value)
    assert list((online / "npm").iterdir()) == []


def test_a_missing_npm_names_the_remedy(monkeypatch: pytest.MonkeyPatch, online: Path, npm_part: Part) -> None:
    monkeypatch.setattr("foretell.representations.builtin.packages.shutil.which", lambda _name: None)
    with pytest.raises(FetchError, match=r"npm, which fetches emoji-fluent, .* install Node.js"):
        fetch(npm_part)


def test_offline_names_the_remedy(monkeypatch: pytest.MonkeyPatch, online: Path, part: Part) -> None:
    calls = pretend_client(monkeypatch, CONTENT)
    monkeypatch.setenv("FORETELL_OFFLINE", "1")
    with pytest.raises(FetchError, match="foretell data fetch home-assistant"):
        fetch(part)
    assert not calls


@pytest.mark.parametrize(
    ("content", "code", "stderr", "message"),
    [
        (b"another file", 0, "", "not the published"),
        (None, 1, "WARNING: slow\nERROR: No matching distribution found", "No matching distribution found"),
        (None, 1, "", "no message"),
        (None, 1, "/usr/bin/python: No module named pip", "ensurepip"),
        (None, 0, "", "brought no"),
    ],
)
def test_what_goes_wrong_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch,
    online: Path,
    part: Part,
    content: bytes | None,
    code: int,
    stderr: str,
    message: str,
) -> None:
    pretend_client(monkeypatch, content, code=code, stderr=stderr)
    with pytest.raises(FetchError, match=message) as caught:
        fetch(part)
    assert "\n" not in str(caught.value)
    assert cached(part) is None
    assert list((online / "wheels").iterdir()) == []


def test_a_truncated_wheel_does_not_count_as_cached(online: Path, part: Part) -> None:
    (online / "wheels").mkdir(parents=True)
    (online / "wheels" / part.filename).write_bytes(CONTENT[:5])
    assert cached(part) is None
