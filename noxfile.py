"""Checks in environments of their own: what the package promises to those who install it.

`make test-wheel`, `make test-minimum` and `make test-pythons` run them. They install from pip's index; every other test
uses no network.
"""

from __future__ import annotations

import tarfile
import tempfile
import zipfile
from pathlib import Path

import nox

nox.options.sessions = []
nox.options.error_on_missing_interpreters = False

PROJECT = nox.project.load_toml("pyproject.toml")["project"]
PYTHONS = nox.project.python_versions(nox.project.load_toml("pyproject.toml"))
TESTS = ("pytest", "hypothesis", "pytest-xdist")
OF_STUDIES = (
    *(
        f"tests/representations/{name}.py"
        for name in ("store/test_store", "store/test_stored_bits", "imported/test_imported")
    ),
    *(f"tests/cli/test_{name}.py" for name in ("cli", "cli_stores")),
    *(
        f"tests/studies/{name}.py"
        for name in ("config/test_config", "test_run", "plotting/test_figures", "test_outputs")
    ),
)
LARGEST = 2**20  # bytes of one file in the source archive


@nox.session(python=PYTHONS[0])
def wheel(session: nox.Session) -> None:
    """Build the archives, look into them, and use the wheel where nothing but its own dependencies is."""
    session.install("build")
    with tempfile.TemporaryDirectory() as made:
        session.run("python", "-m", "build", "--outdir", made, silent=True)
        (built,), (source,) = Path(made).glob("*.whl"), Path(made).glob("*.tar.gz")
        _look_into(session, built, source)
        session.run("python", "-m", "venv", "--clear", f"{made}/empty", silent=True)
        python = f"{made}/empty/bin/python"
        session.run(python, "-m", "pip", "install", "--quiet", str(built), external=True)
        installed = Path("tests/installed.py").resolve()
        with session.chdir(made):  # or the working tree is what would be imported
            session.run(python, "-I", str(installed), external=True)
        # The one constraint: where pip's index has a CUDA build of torch only, resolving would fetch gigabytes.
        torch = Path(made, "torch.txt")
        torch.write_text(next(line for line in Path("constraints.txt").read_text().splitlines() if "torch==" in line))
        for extra in PROJECT["optional-dependencies"]:
            resolve = ("install", "--quiet", "--dry-run", "--constraint", str(torch), f"{built}[{extra}]")
            session.run(python, "-m", "pip", *resolve, external=True)


@nox.session(python=PYTHONS[0])
def minimum(session: nox.Session) -> None:
    """Run the measure's tests with the oldest Python and the oldest versions of the core that we say we run with."""
    oldest = [requirement.replace(">=", "==") for requirement in PROJECT["dependencies"]]
    session.install("--only-binary", ":all:", *oldest, *TESTS)
    _measure(session)


@nox.session(python=PYTHONS[0])
def minimum_studies(session: nox.Session) -> None:
    """The same of stores, studies and the command line, with the oldest versions of what they need; without models."""
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["studies"]]
    session.install("--only-binary", ":all:", *(one.replace(">=", "==") for one in wanted), *TESTS, "fsspec")
    session.install("--no-deps", ".")
    session.run("python", "-m", "pip", "list", "--format", "freeze")
    # What old versions say of new ones that they are used with is no fault of ours.
    session.run(
        *("python", "-m", "pytest", *OF_STUDIES, "-m", "not slow", "--quiet", "-p", "no:cacheprovider"),
        *("-W", "default::DeprecationWarning", "-W", "default::PendingDeprecationWarning"),
        *session.posargs,
        env={"PYTHONPATH": "src", "FORETELL_CORE_ALONE": "1"},
    )


@nox.session(python=PYTHONS)
def pythons(session: nox.Session) -> None:
    """Run the measure's tests on every Python that we say we run on, and that is here."""
    session.install("--only-binary", ":all:", *PROJECT["dependencies"], *TESTS)
    _measure(session)


def _measure(session: nox.Session) -> None:
    """The core alone, from the working tree: tests that need an extra's library are skipped."""
    session.run("python", "-m", "pip", "list", "--format", "freeze")
    session.run(
        *("python", "-m", "pytest", "tests/measure", "-m", "not slow", "--quiet", "-p", "no:cacheprovider"),
        *session.posargs,
        env={"PYTHONPATH": "src", "FORETELL_CORE_ALONE": "1"},
    )


def _look_into(session: nox.Session, built: Path, source: Path) -> None:
    """Nothing is missing from the archives, and nothing is in them that is not the project's."""
    with tarfile.open(source) as archive:
        files = {member.name.partition("/")[2]: member.size for member in archive.getmembers() if member.isfile()}
    with zipfile.ZipFile(built) as wheel:
        names = wheel.namelist()
    tracked = set(session.run("git", "ls-files", external=True, silent=True).split())  # type: ignore[union-attr]
    wanted = {"LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff", "pyproject.toml", "tests/conftest.py"}
    faults = [
        *(f"the source archive lacks {name}" for name in sorted(wanted - files.keys())),
        *(
            f"the source archive has {name}, which is no file of the repository"
            for name in sorted(files.keys() - tracked - {"PKG-INFO"})
        ),
        *(f"{name} in the source archive has {size} bytes" for name, size in files.items() if size > LARGEST),
        *(f"the wheel has {name}" for name in names if not name.startswith(("foretell/", "foretell-"))),
        *(
            f"the wheel lacks {end}"
            for end in ("licenses/LICENSE", "foretell/py.typed")
            if not any(n.endswith(end) for n in names)
        ),
        *(f"the wheel lacks {name}" for name in sorted(tracked) if name.startswith("src/") and name[4:] not in names),
    ]
    if faults:
        session.error("\n".join(faults))
