"""Arrays in .npy, .npz and .safetensors files: mapped, not read, and without torch; no pickle is ever opened."""

from __future__ import annotations

import json
import os
import shutil
import struct
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.exceptions import InputError, one_line
from foretell.files import check_unpacked, read_bounded

SUFFIXES = (".npy", ".npz", ".safetensors")
"""Kinds of files that can be read."""

_KINDS = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
    "BOOL": "?",
}
_LONGEST_HEADER = 8 * 2**20
_LONGEST_NPY_HEADER = 2**16
_MOST_TEXT_BYTES = 2**28
_LOCAL_HEADER = 30  # bytes of a zip's local header before the name


@dataclass(frozen=True, eq=False)
class Tensor:
    """An array in a file, read where it is looked at.

    Parameters
    ----------
    stored : ndarray
        Mapped; of bfloat16, which numpy does not have, the 16 bits as numbers.
    dtype : str
        "float32", "bfloat16" and so on.
    """

    stored: NDArray[Any]
    dtype: str

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return self.stored.shape

    @property
    def is_float(self) -> bool:
        """Whether it holds activations."""
        return self.dtype in ("float16", "bfloat16", "float32", "float64")

    def floats(self, where: Any = ...) -> NDArray[Any]:
        """A part of it in 32 bits, or 64 where it has them: a copy in memory."""
        part = self.stored[where]
        if self.dtype == "bfloat16":
            # A bfloat16 is the upper half of a float32.
            return np.asarray((part.astype(np.uint32) << np.uint32(16)).view(np.float32))
        return np.asarray(part.astype(np.float64 if self.dtype == "float64" else np.float32))


def open_arrays(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Arrays of a file by name, a .npy file's own being "", and what a .safetensors file says beside them.

    Parameters
    ----------
    path : Path
        Of a .npy, .npz or .safetensors file. A compressed .npz is unpacked into a temporary file first.

    Raises
    ------
    InputError
        If there is no such file, it is of another kind or damaged, or it holds pickled objects.
    """
    if path.suffix not in SUFFIXES:
        raise InputError(f"{path} is not read: give {', '.join(SUFFIXES)}, and save tensors of torch as safetensors.")
    try:
        if not path.is_file():
            raise InputError(f"There is no file {path}: check the path.")
        if path.suffix == ".safetensors":
            return _safetensors(path)
        if path.suffix == ".npy":
            with path.open("rb") as file:
                return {"": _npy(file, path, path, 0)}, {}
        return _npz(path), {}
    except InputError:
        raise
    # Headers are read by json, by numpy's parser of Python literals, and by zipfile with its decoders, each of which
    # fails in ways of its own.
    except Exception as error:
        said = one_line(error)
        raise InputError(f"{path} cannot be read ({said}): it is damaged or not a {path.suffix} file.") from error


def read_texts(path: Path) -> list[str]:
    """Texts of a file: one a line, a JSON list, or a .npy file of strings."""
    try:
        if not path.exists():
            raise InputError(f"There is no file {path}: check the path.")
        if path.suffix == ".npy":
            found = open_arrays(path)[0][""].stored
            return texts_of(found)
        text = read_bounded(path, _MOST_TEXT_BYTES, "list of texts").decode()
        if path.suffix != ".json":
            return text.splitlines()
        listed = json.loads(text)
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise ValueError("it is not a list of strings")
        return listed
    except InputError:
        raise
    except (ValueError, OSError, RecursionError) as error:
        raise InputError(f"{path} is no list of texts ({one_line(error)}): give one a line, or a JSON list.") from error


def texts_of(stored: NDArray[Any]) -> list[str]:
    """Strings of an array, shape (N,); raises `ValueError` for another array, or letters that there are not."""
    if stored.dtype.kind != "U" or stored.ndim != 1:
        raise ValueError(f"{stored.dtype} of shape {stored.shape} instead of strings")
    # Numpy takes any 32 bits for a letter, and Python breaks over what is none.
    letters = np.ascontiguousarray(stored).view(np.dtype(np.uint32).newbyteorder(stored.dtype.byteorder))
    if letters.size and letters.max() > sys.maxunicode:
        raise ValueError("its strings hold what is no letter")
    return [str(one) for one in stored]


def _npz(path: Path) -> dict[str, Tensor]:
    found = {}
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        # No member is read beyond the size that it states, so these sums are what unpacking can come to.
        unpacked_bytes = sum(one.file_size for one in archive.infolist() if one.compress_type != zipfile.ZIP_STORED)
        check_unpacked(path, unpacked_bytes)
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            if member.compress_type == zipfile.ZIP_STORED:
                file.seek(member.header_offset)
                header = file.read(_LOCAL_HEADER)
                start = member.header_offset + _LOCAL_HEADER + sum(struct.unpack("<HH", header[26:30]))
                file.seek(start)
                found[name] = _npy(file, path, path, start)
                continue
            # The file has no name, and what is mapped from it outlives its being closed.
            with tempfile.TemporaryFile() as unpacked:
                with archive.open(member) as packed:
                    shutil.copyfileobj(packed, unpacked)
                unpacked.seek(0)
                found[name] = _npy(unpacked, unpacked, path, 0)
    return found


def _npy(file: Any, mapped: Any, path: Path, start: int) -> Tensor:
    """The array whose .npy form begins where `file` stands, `start` bytes into what is mapped."""
    version = np.lib.format.read_magic(file)
    # Numpy reads what the file says is its header before it asks how long that is.
    counted = file.read(2 if version == (1, 0) else 4)
    if int.from_bytes(counted, "little") > _LONGEST_NPY_HEADER:
        raise ValueError(f"its header is of more than {_LONGEST_NPY_HEADER:,} bytes")
    file.seek(-len(counted), os.SEEK_CUR)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, is_fortran, dtype = read_header(file)
    if dtype.hasobject:
        raise InputError(f"{path} holds pickled objects, which are never opened: save arrays of numbers.")
    return _mapped(mapped, file.tell(), dtype, shape, dtype.name, order="F" if is_fortran else "C")


def _safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    size = path.stat().st_size
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > min(size - 8, _LONGEST_HEADER):
            raise ValueError("its header is longer than it")
        header = json.loads(file.read(length))
    said = header.pop("__metadata__", {})
    if not isinstance(said, dict) or not all(isinstance(one, str) for one in said.values()):
        raise ValueError("its metadata are no texts")
    found = {}
    for name, entry in header.items():
        if any("\ud800" <= letter <= "\udfff" for letter in name):
            raise ValueError("an array's name holds half a letter")
        kind, shape, (first, stop) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        if kind not in _KINDS:
            raise InputError(f"{path}: {name!r} is of {kind}, which is not read: save it as BF16, F16 or F32.")
        dtype = np.dtype(_KINDS[kind])
        n_bytes = int(np.prod(shape, dtype=object)) * dtype.itemsize
        if not 0 <= first <= stop <= size - 8 - length or stop - first != n_bytes:
            raise ValueError(f"{name!r} does not fit into it")
        name_of = "bfloat16" if kind == "BF16" else dtype.name
        found[name] = _mapped(path, 8 + length + first, dtype, shape, name_of)
    return found, said


def _mapped(
    file: Any, offset: int, dtype: np.dtype[Any], shape: tuple[int, ...], name: str, *, order: Any = "C"
) -> Tensor:
    if 0 in shape:
        return Tensor(np.empty(shape, dtype), name)
    # A plain view of the map: slices of a memmap object cost some microseconds each.
    whole: NDArray[Any] = np.memmap(file, dtype, "r", offset, shape or (1,), order)
    return Tensor(whole.view(np.ndarray).reshape(shape, order=order), name)
