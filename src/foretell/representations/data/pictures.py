"""Images as items: read when asked, never more of them than is safe."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from foretell.exceptions import InputError, require

if TYPE_CHECKING:
    from PIL.Image import Image

_MOST_PIXELS = 20_000_000
"""Some 400 MiB while it is put on white; models look at a fifth of a million."""
_MOST_SIDE = 65_535
_MOST_BYTES = 2**28
_MOST_SCANS = 64
"""Of a JPEG: a progressive one has about ten, and each is a pass over all of the image."""
_START_OF_SCAN = b"\xff\xda"
# Others are rare, and some start programs (EPS), fetch what else they need, or take a second a megabyte (PPM).
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
_THUMBNAIL = 64  # pixels of its longer side


@dataclass(frozen=True, eq=False)
class Picture:
    """An image of a set.

    Parameters
    ----------
    name : str
        What people call it: its path inside the set, say.
    source : Path or bytes
        An image file, or what is in one.
    """

    name: str
    source: Path | bytes

    def read(self) -> bytes:
        """The file, as it is.

        Raises
        ------
        InputError
            If it cannot be read, or is larger than any image.
        """
        if isinstance(self.source, bytes):
            return self.source
        try:
            if self.source.stat().st_size > _MOST_BYTES:
                raise InputError(f"The image {self.name!r} is a file of more than {_MOST_BYTES:,} bytes: leave it out.")
            return self.source.read_bytes()
        except OSError as error:
            raise InputError(f"The image {self.name!r} cannot be read ({error}): leave the item out.") from error

    @property
    def sha256(self) -> str:
        """Hash of the file."""
        return hashlib.sha256(self.read()).hexdigest()

    def rgb(self) -> Image:
        """The image in red, green and blue, turned as its file says; what is transparent is white.

        Raises
        ------
        InputError
            If the file is no image, or is larger than any model looks at.
        """
        images = require("PIL.Image", "hf")
        images.init()  # it knows few formats before, and some builds lack one of ours
        formats = [name for name in _FORMATS if name in images.OPEN]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", images.DecompressionBombWarning)  # its limit is below ours
            try:
                data = self.read()
                opened = images.open(io.BytesIO(data), formats=formats)
                self._check_cost(opened, data)
                whole = require("PIL.ImageOps", "hf").exif_transpose(opened).convert("RGBA")
                white = images.new("RGBA", whole.size, "white")
                white.alpha_composite(whole)
                found: Image = white.convert("RGB")
            except InputError:
                raise
            except (OSError, ValueError, SyntaxError, MemoryError, images.DecompressionBombError) as error:
                raise InputError(f"{self.name!r} is not a readable image ({error}): leave the item out.") from error
        return found

    def _check_cost(self, opened: Image, data: bytes) -> None:
        """Refuse an image that would take far more memory or time than its file says."""
        if opened.width * opened.height > _MOST_PIXELS or max(opened.size) > _MOST_SIDE:
            raise InputError(
                f"The image {self.name!r} has {opened.width} x {opened.height} pixels, more than {_MOST_PIXELS:,} or "
                f"{_MOST_SIDE:,} a side: make it smaller, or leave the item out."
            )
        if opened.format in ("JPEG", "MPO") and data.count(_START_OF_SCAN) > _MOST_SCANS:
            raise InputError(
                f"The image {self.name!r} is a JPEG of more than {_MOST_SCANS} scans: save it again, or leave the item "
                "out."
            )

    def thumbnail(self) -> bytes:
        """The image as a PNG file of at most 64 pixels a side, for people to look at."""
        small = self.rgb()
        small.thumbnail((_THUMBNAIL, _THUMBNAIL))
        file = io.BytesIO()
        small.save(file, "PNG")
        return file.getvalue()

    def __repr__(self) -> str:
        return f"Picture({self.name!r})"
