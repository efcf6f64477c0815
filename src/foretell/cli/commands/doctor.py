"""The command `doctor`: tries out what this installation has."""

# What a command needs is imported when it runs, so that `--help` answers at once.
from __future__ import annotations

import typer

from foretell.cli.output import facts
from foretell.exceptions import install


def doctor() -> None:
    """Try out what this installation has.

    Leaves with 1 if something does not work.
    """
    from foretell.cli import installation
    from foretell.measure.distances.backends import choose_backend
    from foretell.options import BACKENDS, current_options
    from foretell.representations.builtin.catalogue import PARTS
    from foretell.representations.builtin.packages import cached
    from foretell.representations.cache import cache_dir

    facts(installation.versions().items())
    print()
    why_not = {name: installation.why_not(name) for name in BACKENDS if name != "auto"}
    usable = [name for name, why in why_not.items() if not why]
    auto = choose_backend("auto", "hamming")
    there = [part.name for part in PARTS.values() if cached(part)]
    facts(
        [
            ("backends", ", ".join(f"{name}{' (what auto takes)' if name == auto else ''}" for name in usable)),
            *(("", why) for why in why_not.values() if why),
            ("devices", ", ".join(["cpu", *installation.devices()])),
            ("threads", str(current_options().threads)),
            ("cache", str(cache_dir())),
            ("", f"has {', '.join(there)}" if there else "is empty: `foretell data fetch` fills it"),
            *(
                (f"extra {extra}", f"lacks {', '.join(names)}: {install(extra)}")
                for extra, names in installation.missing().items()
            ),
        ]
    )
    print()
    faults = installation.faults(usable)
    facts([("FAILED", f"{what}: {fault}") if fault else ("ok", what) for what, fault in faults.items()])
    if any(faults.values()):
        raise typer.Exit(1)
