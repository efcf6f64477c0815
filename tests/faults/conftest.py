"""What faults are done to: made once, with the time that each job takes undisturbed."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from foretell.representations.builtin.catalogue import parts_named
from foretell.representations.builtin.packages import cached
from tests.faults import jobs, tally
from tests.faults.children import Child, import_beforehand
from tests.faults.places import Disk, mounted
from tests.faults.tally import Fault

FAULTS: list[Fault] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--write`: put the table of counts into docs/reliability.md, where nothing failed."""
    parser.addoption("--write", action="store_true", help="put the table of counts into docs/reliability.md")


def pytest_collection_finish(session: pytest.Session) -> None:
    import_beforehand(models=any(item.get_closest_marker("faults") for item in session.items))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if not session.config.getoption("--write", default=False) or exitstatus != pytest.ExitCode.OK:
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter is not None else []
    if skipped:  # a table without their rows would look whole
        raise pytest.UsageError(f"docs/reliability.md is as it was, since {len(skipped)} tests were skipped.")
    tally.write(FAULTS)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if FAULTS:
        terminalreporter.write_line(tally.tables(FAULTS))


@pytest.fixture
def fault() -> Iterator[Callable[[str], Fault]]:
    """A fault whose cases are counted; none of them may fail."""
    begun: list[Fault] = []

    def begin(name: str) -> Fault:
        begun.append(Fault(name))
        FAULTS.extend(begun[-1:])
        return begun[-1]

    yield begin
    for one in begun:
        assert not one.failures, "\n".join(one.failures)


class Undisturbed:
    """What every job is given, and for each what it leaves and how long it takes when nothing disturbs it."""

    def __init__(self, folder: Path) -> None:
        self.given = folder / "given"
        self.given.mkdir()
        jobs.give(self.given)
        self._folder = folder
        self._seconds: dict[str, float] = {}

    def of(self, job: str) -> Path:
        """The folder that a job leaves."""
        out = self._folder / job
        if job not in self._seconds:
            if job in ("extract", "run") and any(cached(part) is None for part in parts_named(jobs.MODEL)):
                pytest.skip(f"{jobs.MODEL} is not in the cache: `foretell data fetch {jobs.MODEL}` brings it")
            if job == "report":
                (self.given / "run").symlink_to(self.of("measure") / "run")
            taken = []
            for number in range(3):  # the first fills caches of the system
                place = out if number == 0 else self._folder / f"{job} {number}"
                ended = Child(job, self.given, place).ended()
                assert ended.is_done, ended
                taken.append(ended.seconds)
            self._seconds[job] = statistics.median(taken)
        return out

    def seconds(self, job: str) -> float:
        """How long it takes."""
        self.of(job)
        return self._seconds[job]


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return Undisturbed(tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A small disk, of 16 MiB."""
    (tmp_path / "disk").mkdir()
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=16m", "tmpfs"):
        yield Disk(tmp_path / "disk")
