"""The command `foretell`, and `python -m foretell`: says what to install where the command line's libraries are not."""

from __future__ import annotations

import sys

from foretell.exceptions import MissingDependencyError, require

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    try:
        for library in ("typer", "rich"):
            require(library, "studies")
    except MissingDependencyError as error:
        sys.exit(f"error: {error}")
    from foretell.cli.app import main as run

    run()


if __name__ == "__main__":
    main()
