"""With HF_HUB_OFFLINE=1 no socket is opened, and no program that would open one is started."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from foretell.exceptions import FetchError, ForetellError
from foretell.representations.builtin import packages
from foretell.representations.builtin.catalogue import parts_named
from foretell.representations.cache import is_offline
from foretell.representations.loading.load_pairs import load_pairs

_WATCHED = """
import os, sys
def watch(event, given):
    if event in ("socket.connect", "socket.getaddrinfo") or (event == "subprocess.Popen" and "pip" in str(given)):
        print(event, given, file=sys.stderr)
        os._exit(7)
sys.addaudithook(watch)
from foretell.cli.app import main
sys.argv[0] = "foretell"
main()
"""


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Sockets that were asked for; each is refused."""
    asked: list[str] = []

    def refuse(*given: Any, **_options: Any) -> Any:
        asked.append(repr(given))
        raise OSError("no network here")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return asked


def test_a_folder_is_loaded_without_the_network(tiny_model_folder: Path, no_sockets: list[str]) -> None:
    from foretell.representations.loading.load_model import load_text_model

    model = load_text_model(tiny_model_folder)
    assert len(model.read(["the red house"])) == 1
    assert no_sockets == []


def test_what_is_not_here_is_not_asked_for(no_sockets: list[str]) -> None:
    pytest.importorskip("huggingface_hub")
    from foretell.representations.loading.load_model import load_text_model

    with pytest.raises(FetchError, match="HF_HUB_OFFLINE"):
        load_text_model("nobody-here/no-such-model")
    assert no_sockets == []


@pytest.fixture
def no_programs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Programs that were asked for; each is refused."""
    asked: list[str] = []

    def refuse(*given: Any, **_options: Any) -> Any:
        asked.append(repr(given))
        raise OSError("no programs here")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    return asked


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "FORETELL_OFFLINE"])
@pytest.mark.parametrize("name", ["home-assistant", "vscode-en", "smollm2-135m", "e5-small"])
def test_either_variable_forbids_to_fetch(
    variable: str, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_programs: list[str]
) -> None:
    """What pip and npm would fetch is no less of the network than the hub."""
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.delenv("FORETELL_OFFLINE")
    monkeypatch.setenv(variable, "1")
    monkeypatch.setenv("FORETELL_CACHE", str(tmp_path))
    for part in parts_named(name):
        with pytest.raises(FetchError, match="FORETELL_OFFLINE or HF_HUB_OFFLINE is set: unset it, or run `foretell"):
            packages.fetch(part)
    assert no_programs == []
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("value", "forbids"), [("1", True), ("true", True), ("0", False), ("", False)])
def test_the_hubs_variable_is_read_as_the_hub_reads_it(
    value: str, forbids: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FORETELL_OFFLINE")
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    assert is_offline() is forbids


def test_a_set_of_the_hub_is_not_asked_for(no_sockets: list[str], no_programs: list[str]) -> None:
    pytest.importorskip("datasets")
    with pytest.raises(ForetellError):
        load_pairs("hub:nobody-here/no-such-set", ["en", "de"])
    assert no_sockets == []
    assert no_programs == []


def test_a_vision_model_is_not_asked_for(no_sockets: list[str], no_programs: list[str]) -> None:
    pytest.importorskip("huggingface_hub")
    from foretell.representations.loading.load_model import load_image_model

    with pytest.raises(FetchError, match="HF_HUB_OFFLINE"):
        load_image_model("nobody-here/no-such-model")
    assert no_sockets == []
    assert no_programs == []


@pytest.mark.parametrize(
    "words",
    [
        ["data", "fetch", "home-assistant"],
        ["demo", "--out", "run"],
        ["prompts", "--data", "hub:nobody/none", "--side", "en", "--out", "p.jsonl"],
        ["extract", "--model", "nobody/none", "--data", "a.tsv", "--side", "en", "--out", "s"],
    ],
)
def test_the_command_line_reaches_for_nothing(words: list[str], tmp_path: Path) -> None:
    """In a process of its own, whose audit hook ends it at the first socket or program."""
    pytest.importorskip("typer")
    (tmp_path / "a.tsv").write_text("en\tde\none\teins\ntwo\tzwei\nthree\tdrei\n", encoding="utf-8")
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "FORETELL_CACHE": str(tmp_path / "cache")}
    environment |= {"HF_HOME": str(tmp_path / "hub")}
    environment.pop("FORETELL_OFFLINE", None)
    done = subprocess.run(
        [sys.executable, "-c", _WATCHED, *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=environment,
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ")
