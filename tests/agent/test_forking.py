"""Processes that begin with everything loaded: what they share, how they end, and what stands in where none forks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import forked
import pytest

from midb.agent import forking
from midb.agent.forking import Child, Nursery

pytestmark = pytest.mark.skipif(not forking.FORKS, reason="nothing is forked on this system")

#: Seconds in which a process ends that is to end.
PATIENCE = 60


def ask(pipe: Connection, what: str = "") -> dict[str, object]:
    pipe.send(what)
    found: dict[str, object] = pipe.recv()
    return found


def end(child: Child, pipe: Connection) -> int | None:
    pipe.close()
    child.join(PATIENCE)
    assert not child.is_alive()
    return child.exitcode


def start_somehow(nursery: Nursery) -> tuple[Child, Connection, dict[str, object]]:
    """Start a process, and have its answer. Where a nursery ends while it is asked, the first may never have begun."""
    while True:
        child, pipe = nursery.start(forked.answer)
        try:
            return child, pipe, ask(pipe)
        except (EOFError, OSError):
            assert end(child, pipe) is None


def test_what_is_loaded_once_is_there_in_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(forked.VARIABLE, "set")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path / "modules")
    with Nursery(forked.load) as nursery:
        started = [nursery.start(forked.answer, word) for word in ("one", "two")]
        told = [ask(pipe) for _, pipe in started]
        assert [end(*one) for one in started] == [0, 0]
    assert [one["words"] for one in told] == [("one",), ("two",)]
    assert len({one["pid"] for one in told}) == 2
    assert len({one["parent"] for one in told} - {os.getpid()}) == 1
    for one in told:
        assert one["loaded"] == ["loaded"]
        assert one["variable"] == "set"
        assert one["folder"] == str(tmp_path)
        assert str(tmp_path / "modules") in one["path"]  # type: ignore[operator]
    assert forked.LOADED == []  # but not here


def test_each_ends_with_its_own_pipe_and_has_no_other(tmp_path: Path) -> None:
    with (tmp_path / "open").open("w") as file, Nursery(forked.load) as nursery:
        os.set_inheritable(file.fileno(), True)
        started = [nursery.start(forked.answer) for _ in range(3)]
        told = [ask(pipe) for _, pipe in started]
        assert [str(tmp_path / "open") in one["handles"] for one in told] == [False] * 3  # type: ignore[operator]
        # Its pipe, what it lives by, and the streams; nothing of those before it.
        assert len({len(one["handles"]) for one in told}) == 1  # type: ignore[arg-type]
        for number, one in enumerate(started):
            assert end(*one) == 0
            for child, pipe in started[number + 1 :]:
                assert ask(pipe)
                assert child.is_alive()


def test_how_a_process_ended(capfd: pytest.CaptureFixture[str]) -> None:
    with Nursery(forked.load) as nursery:
        child, pipe = nursery.start(forked.answer)
        assert child.exitcode is None
        pipe.send("fail")
        with pytest.raises(EOFError):
            pipe.recv()
        assert end(child, pipe) == 1
        child, pipe = nursery.start(forked.answer)
        ask(pipe)
        child.kill()
        assert end(child, pipe) == -signal.SIGKILL
    assert "RuntimeError: as was asked for" in capfd.readouterr().err


def test_signals_are_not_theirs() -> None:
    with Nursery(forked.load) as nursery:
        one, other = (nursery.start(forked.answer) for _ in range(2))
        parent = ask(one[1])["parent"]
        assert isinstance(parent, int)
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(parent, number)
        assert ask(one[1], "interrupt")
        assert ask(other[1])["parent"] == parent
        assert [end(*one), end(*other)] == [0, 0]


@pytest.mark.parametrize("load", [forked.load_with_a_thread, forked.load_in_vain])
def test_a_nursery_that_may_not_fork_or_cannot_load_costs_no_process(load: Callable[[], None]) -> None:
    with Nursery(load) as nursery:
        child, pipe, told = start_somehow(nursery)
        assert told["loaded"] == []
        assert end(child, pipe) == 0


def test_without_its_nursery_a_process_goes_on_and_others_come() -> None:
    with Nursery(forked.load) as nursery:
        child, pipe = nursery.start(forked.answer)
        parent = ask(pipe)["parent"]
        assert isinstance(parent, int)
        os.kill(parent, signal.SIGKILL)
        child.join(PATIENCE)  # until that is known
        assert ask(pipe)["loaded"] == ["loaded"]
        other, its_pipe, told = start_somehow(nursery)
        assert (told["loaded"], told["parent"]) == ([], os.getpid())  # it has loaded by itself
        assert end(other, its_pipe) == 0
        child.kill()
        with pytest.raises((EOFError, OSError)):
            pipe.recv()
        assert child.exitcode is None


def test_where_nothing_is_forked_each_is_started_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forking, "FORKS", False)
    with Nursery(forked.load) as nursery:
        child, pipe = nursery.start(forked.answer, "word")
        told = ask(pipe)
        assert (told["loaded"], told["words"], told["parent"]) == ([], ("word",), os.getpid())
        assert end(child, pipe) == 0


def test_one_that_is_not_wanted_any_more_is_not_waited_for() -> None:
    nursery = Nursery(forked.load)
    child, pipe = nursery.start(forked.answer)
    pipe.close()
    child.kill()  # most likely before it has begun
    assert not child.is_alive()
    nursery.close()


def test_nobody_outlives_a_parent_that_is_killed() -> None:
    """All of them have its output open, which comes to its end when the last of them does."""
    program = subprocess.Popen(
        [sys.executable, forked.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert program.stdout
    assert program.stdout.readline() == b"ready\n"
    program.kill()
    assert program.communicate(timeout=PATIENCE) == (b"", b"")


@pytest.mark.parametrize("how", ["", "raise SystemExit(3)"])
def test_a_program_that_closes_nothing_ends(how: str) -> None:
    code = "import forked; n = forked.Nursery(forked.load); c = n.start(forked.answer); c[1].send(''); c[1].recv()\n"
    path = os.pathsep.join([str(Path(forked.__file__).parent), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-c", f"{code}{how}"],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (3 if how else 0, b"")
