"""The command `doctor`: tries out what this installation has."""

# What a command needs is imported when it runs, so that `--help` answers at once.
from __future__ import annotations

import typer

from foretell.cli.output import facts
from foretell.exceptions import install

__all__ = ["doctor"]


def doctor() -> None:
    """Try out what this installation has.

    Leaves with 1 if something does not work.
    """
    from foretell.cli.installation import diagnose

    found = diagnose()
    facts(found.versions.items())
    print()
    backends = [
        f"{name}{' (what auto takes)' if name == found.auto else ''}" for name, why in found.backends.items() if not why
    ]
    facts(
        [
            ("backends", ", ".join(backends)),
            *(("", why) for why in found.backends.values() if why),
            ("devices", ", ".join(("cpu", *found.devices))),
            ("threads", str(found.threads)),
            ("cache", str(found.cache)),
            ("", f"has {', '.join(found.cached)}" if found.cached else "is empty: `foretell data fetch` fills it"),
            *(
                (f"extra {extra}", f"lacks {', '.join(names)}: {install(extra)}")
                for extra, names in found.missing.items()
            ),
        ]
    )
    print()
    facts(
        [
            ("ok" if not check.error else "FAILED", f"{check.name}{check.error and ': '}{check.error}")
            for check in found.checks
        ]
    )
    if not found.is_sound:
        raise typer.Exit(1)
