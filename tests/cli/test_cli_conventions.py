"""How the command line behaves as others do: what it leaves with, when it is stopped, and on which screens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command
from typer.testing import CliRunner

import foretell
from foretell.cli.app import app, main
from foretell.cli.output import progress
from foretell.studies import outputs
from tests.studies.conftest import World

RUNNER = CliRunner()
ESCAPE = "\x1b"

MAIN = "from foretell.cli.app import main; import sys; sys.argv[0] = 'foretell'; main()"
# A shell's background jobs ignore Ctrl-C, and so does what they start.
SLEEPS = """
import signal, time, foretell.cli.commands.doctor
signal.signal(signal.SIGINT, signal.default_int_handler)
def wait():
    print("ready", flush=True)
    time.sleep(60)
foretell.cli.commands.doctor.versions = wait
"""


def started(code: str, *words: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", code, *words], stdout=pipe, stderr=pipe, text=True)


def commands() -> list[list[str]]:
    top: Any = get_command(app)
    found: list[list[str]] = [[]]
    for name, command in top.commands.items():
        found.append([name])
        found += [[name, below] for below in getattr(command, "commands", {})]
    return found


def test_help_of_every_command_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from foretell.cli.app import app\n"
        "for words in sys.argv[1:]:\n"
        "    shown = CliRunner().invoke(app, [*words.split(), '--help'])\n"
        "    assert shown.exit_code == 0 and 'Usage: ' in shown.output, words\n"
        "print({'numpy', 'xarray', 'matplotlib', 'torch', 'numba', 'zarr', 'ray'} & set(sys.modules))"
    )
    words = [" ".join(command) for command in commands()]
    assert {"", "run", "data fetch", "import", "compare"} <= set(words)
    ran = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("set()\n", "")


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_command_leaves_a_word(sent: signal.Signals, code: int) -> None:
    with started(SLEEPS + MAIN, "doctor") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(sent)
        out, err = process.communicate()
    assert process.returncode == code
    assert err == "\nstopped: the same command goes on with what is kept already\n"
    assert out == ""


def test_a_stopped_run_goes_on(
    world: World,
    study: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(study))
    words = ["foretell", "run", str(tmp_path / "mine.yaml"), "--out", str(tmp_path / "o"), "--quiet"]
    monkeypatch.setattr(sys, "argv", words)

    def interrupted(*given: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    with_write = "foretell.studies.run.write_answer"
    monkeypatch.setattr(with_write, interrupted)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 130
    assert capsys.readouterr().err.splitlines() == [
        "",
        "stopped: the same command goes on with what is kept already",
    ]
    assert signal.getsignal(signal.SIGTERM) is before
    extracted = len(world.extracted)
    assert extracted == 2
    monkeypatch.setattr(with_write, outputs.write_answer)
    with pytest.raises(SystemExit) as left:
        main()
    assert not left.value.code
    assert len(world.extracted) == extracted  # what was read before is not read again
    assert (tmp_path / "o" / "summary.txt").is_file()


@pytest.mark.parametrize("words", [["studies"], ["data"], ["--version"], ["--help"], ["run", "--help"]])
def test_a_reader_may_go(words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-c", MAIN, *words], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert done.stderr == ""
    assert done.returncode == 1


def on_a_screen(words: list[str], environment: dict[str, str]) -> str:
    """What a command writes to a terminal."""
    import pty

    mine, its = pty.openpty()
    try:
        kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
        process = subprocess.Popen(
            [sys.executable, "-c", MAIN, *words], stdout=its, stderr=its, stdin=its, env=kept | environment
        )
        os.close(its)
        found = b""
        try:
            while some := os.read(mine, 4096):
                found += some
        except OSError:  # what Linux says at the end
            pass
        process.wait(timeout=60)
    finally:
        os.close(mine)
    return found.decode()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_no_escape_sequences_where_none_are_wanted() -> None:
    assert ESCAPE in on_a_screen(["studies"], {"TERM": "xterm-256color"})
    for environment in ({"TERM": "xterm-256color", "NO_COLOR": "1"}, {"TERM": "dumb"}):
        shown = on_a_screen(["studies"], environment)
        assert "depth" in shown
        assert ESCAPE not in shown
    piped = subprocess.run([sys.executable, "-c", MAIN, "studies"], capture_output=True, text=True, check=True)
    assert ESCAPE not in piped.stdout


@pytest.mark.parametrize(
    ("environment", "is_screen", "bars"),
    [
        ({"TERM": "xterm"}, True, True),
        ({"TERM": "xterm"}, False, False),
        ({"TERM": "dumb"}, True, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True, True),
    ],
)
def test_bars_are_drawn_on_screens_that_know_how(
    environment: dict[str, str], is_screen: bool, bars: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_screen)
    with progress() as drawn:
        assert drawn is bars
    with progress(quiet=True) as drawn:
        assert not drawn


def test_quiet_commands_write_results_alone(world: World, study: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(study))
    for command, loud in (("plan", ""), ("run", "Plan: ")):
        words = [command, str(tmp_path / "mine.yaml"), "--out", str(tmp_path / command)]
        quiet = RUNNER.invoke(app, [*words, "--quiet"], catch_exceptions=False)
        assert quiet.exit_code == 0
        assert quiet.stderr == ""
        assert quiet.stdout
        assert loud in RUNNER.invoke(app, words, catch_exceptions=False).stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437"])
def test_what_a_terminal_cannot_show_stops_nothing(
    encoding: str, world: World, study: dict[str, Any], tmp_path: Path
) -> None:
    """Summaries have arrows and plus-minus signs, and end long work."""
    answer = foretell.run(study, out=tmp_path / "run")
    code = f"import foretell; print(open({str(tmp_path / 'run' / 'summary.txt')!r}, encoding='utf-8').read())"
    shown = f"import foretell.cli.app as cli; cli.app = lambda: exec({code!r}); cli.main()"
    done = subprocess.run(
        [sys.executable, "-c", shown], capture_output=True, env=os.environ | {"PYTHONIOENCODING": encoding}, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "→" in answer.text()
    assert len(done.stdout.splitlines()) == len(answer.text().splitlines()) + 1


def test_lines_that_nobody_looks_at_are_not_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    shown = RUNNER.invoke(app, ["studies"], catch_exceptions=False).stdout
    assert max(map(len, shown.splitlines())) > 100
    monkeypatch.setenv("COLUMNS", "60")
    shown = RUNNER.invoke(app, ["studies"], catch_exceptions=False).stdout
    assert max(map(len, shown.splitlines())) <= 60


@pytest.mark.parametrize("columns", [None, "60"])
def test_what_goes_to_a_file_ends_where_it_ends(columns: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables fill their cells up with blanks, of which a file of wide ones would mostly consist."""
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns is not None:
        monkeypatch.setenv("COLUMNS", columns)
    shown = RUNNER.invoke(app, ["data"], catch_exceptions=False).stdout
    assert shown
    assert [line for line in shown.splitlines() if line != line.rstrip()] == []


@pytest.mark.parametrize(
    ("raised", "says"),
    [
        (PermissionError(13, "Permission denied", "a/b.nc"), "a/b.nc: [Errno 13] Permission denied"),
        (OSError(5, "Input/output error", "a/b.nc"), "a/b.nc: [Errno 5] Input/output error"),
        (OSError(28, "No space left on device"), "the output cannot be written (No space left on device)"),
        (MemoryError(), "the memory does not suffice"),
        (RecursionError("maximum recursion depth exceeded"), "nested too deeply"),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"), "is not UTF-8 ('utf-8' codec"),
    ],
)
def test_what_nothing_else_tells_is_one_line(
    raised: Exception, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def app() -> None:
        raise raised

    monkeypatch.setattr("foretell.cli.app.app", app)
    monkeypatch.setattr("foretell.cli.errors._abandon_output", lambda: None)
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert says in line


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("output", ["> /dev/full", ">&-"])
@pytest.mark.parametrize("command", ["--version", "--help", "studies"])
def test_an_output_that_takes_nothing_is_one_line(output: str, command: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m foretell {command} {output}'], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: the output ")


def test_errors_that_nobody_reads_are_not_among_the_output() -> None:
    done = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m foretell run absent.yaml 2>&-'],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
