"""With HF_HUB_OFFLINE=1 no socket is opened."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from foretell.exceptions import FetchError


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
    from foretell.representations.models import load_text_model

    model = load_text_model(tiny_model_folder)
    assert len(model.read(["the red house"])) == 1
    assert no_sockets == []


def test_what_is_not_here_is_not_asked_for(no_sockets: list[str]) -> None:
    pytest.importorskip("huggingface_hub")
    from foretell.representations.models import load_text_model

    with pytest.raises(FetchError, match="HF_HUB_OFFLINE"):
        load_text_model("nobody-here/no-such-model")
    assert no_sockets == []
