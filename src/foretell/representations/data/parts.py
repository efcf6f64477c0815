"""Published packages that carry paired data."""

from __future__ import annotations

from foretell.representations.packages import Part, by_name

__all__ = ["DATA_PARTS"]

DATA_PARTS = by_name(
    Part(
        name="home-assistant",
        package="homeassistant",
        version="2024.3.3",
        filename="homeassistant-2024.3.3-py3-none-any.whl",
        sha256="6e1ec2c07441d63fdcfb8acd2c4bbb6f68bc97330855784d3623d10c38fe3577",
        size_bytes=35_392_639,
        licence="Apache-2.0",
        kind="data",
        what="interface texts of Home Assistant in some fifty languages",
    ),
)
