"""Folders compared file by file."""

from __future__ import annotations

from pathlib import Path

from foretell.representations.store.reader import open_store

__all__ = ["check_same", "check_store", "files_of"]


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file in a folder by its path there, but for what a plan keeps (how long things took), and free locks.

    A process that is killed when all is committed leaves its lock's empty file: nobody holds it, and a call that finds
    the store complete does not touch it.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not _is_beside_the_point(path))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def _is_beside_the_point(path: Path) -> bool:
    return path.name.startswith("cost-") or (path.name.endswith(".zarr.lock") and not path.stat().st_size)


def check_same(folder: Path, like: Path) -> None:
    """Raise AssertionError unless two folders hold the same files with the same bytes."""
    found, wanted = files_of(folder), files_of(like)
    assert found.keys() == wanted.keys(), f"files {sorted(found.keys() ^ wanted.keys())}"
    differing = [name for name in wanted if found[name] != wanted[name]]
    assert not differing, f"other bytes in {differing}"


def check_whole_files(folder: Path, *likes: Path) -> None:
    """Raise AssertionError unless every file is one of those it may be; what was being written does not count."""
    allowed = [files_of(like) for like in likes]
    for name, data in files_of(folder).items():
        if ".foretell-writing-" not in name:
            assert data in [files.get(name) for files in allowed], f"half a file: {name}"


def check_store(path: Path, like: Path) -> None:
    """Raise AssertionError unless every chunk that a store says is there has the bytes of another store."""
    committed = [chunk.name for chunk in (path / "committed" / "c").glob("*") if chunk.suffix != ".partial"]
    if not committed:
        return
    store, whole = open_store(path), open_store(like)
    assert not list(store.damaged()), "damaged chunks"
    assert store.ids == whole.ids, "other items"
    for number, kept in enumerate(store.info.kept):
        if number in store.waiting:
            continue
        for layer in kept.n_bits:
            for chunk in committed:
                place = Path("bits") / str(number) / layer / "c" / chunk / "0" / "0"
                assert (path / place).read_bytes() == (like / place).read_bytes(), f"other bits in {place}"
