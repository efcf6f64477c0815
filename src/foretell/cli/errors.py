"""How the command line ends: with what it printed, or with a line of what went wrong, and the exit status of that."""

from __future__ import annotations

import errno
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from typing import Any, NoReturn

from foretell.exceptions import ForetellError, ForetellWarning, one_line

_OF_OUTPUT = (errno.ENOSPC, errno.EIO, errno.EBADF)
"""What goes wrong where the output goes to; of files, Foretell's own errors tell."""


def run_to_end(app: Callable[[], object]) -> None:
    """Run the command line: what goes wrong is a line, not a traceback, unless it is a fault of Foretell's."""
    _prepare_streams()
    with readable_warnings(), _stopped_cleanly():
        try:
            try:
                app()
            finally:
                _flush()
        except ForetellError as error:
            _fail(*str(error).splitlines())
        except OSError as error:
            if error.filename is None and error.errno in _OF_OUTPUT:
                _abandon_output()
                _fail(f"the output cannot be written ({error.strerror}): make room there.")
            place = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
            _fail(f"{place}{one_line(error)}: look whether it is there, and may be read and written.")
        except MemoryError:
            _fail("the memory does not suffice: take fewer items or layers, or a machine that has more.")
        except RecursionError:
            _fail("what was given is nested too deeply to be read: give it with fewer brackets.")
        except UnicodeError as error:
            _fail(f"a text or a name is not UTF-8 ({one_line(error)}): write it in UTF-8.")


def _prepare_streams() -> None:
    """Have something to print to, that takes any letter."""
    if sys.stderr is None:  # closed by the shell: Python would print errors among the output
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the end
    if sys.stdout is None:  # files opened later would stand in its place, and be written into
        _fail("the output is closed: send it to a file, or to the null device.")
    # What an old terminal cannot show is no reason to fail after all the work.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def _fail(*lines: str) -> NoReturn:
    with suppress(OSError):  # of errors that cannot be shown nothing can be told
        for line in lines:
            print(f"error: {line}", file=sys.stderr)
    sys.exit(1)


@contextmanager
def _stopped_cleanly() -> Iterator[None]:
    """Leave a word, and no traceback, on Ctrl-C and when asked to end; what is half written is cleared away first."""

    def end(number: int, frame: object) -> NoReturn:
        sys.exit(128 + number)

    usual = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except KeyboardInterrupt:
        _say_stopped()
        sys.exit(128 + signal.SIGINT)
    except SystemExit as left:
        if left.code in (128 + signal.SIGINT, 128 + signal.SIGTERM):
            _say_stopped()
        raise
    finally:
        signal.signal(signal.SIGTERM, usual)


def _say_stopped() -> None:
    print("\nstopped: the same command goes on with what is kept already", file=sys.stderr)


def _flush() -> None:
    """Write what is waiting to be; where nobody reads it any more, Python is not to complain of that later."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _abandon_output()
        sys.exit(1)


def _abandon_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def readable_warnings() -> Iterator[None]:
    """Show Foretell's own warnings as lines; others as Python shows them."""
    with warnings.catch_warnings():
        usual = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
            if issubclass(category, ForetellWarning):
                print(f"warning: {message}", file=sys.stderr)
            else:
                usual(message, category, *place, **more)

        warnings.showwarning = show
        yield
