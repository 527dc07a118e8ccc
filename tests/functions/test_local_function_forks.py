"""Functions that start as forks in the local run: each is what a process of its own would be, and none outlives the local run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.local.function_forks import WORKER, Fork, ForkingSubprocess
from functions.local.paths import LAYER, ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems start each process by itself")

SELF_DESCRIPTION = """
import json, os, sys
import boto3, waypost.domain
first = sys.stdin.readline()
facts = {"name": __name__, "arguments": sys.argv, "folder": os.getcwd(), "variables": dict(os.environ), "path": sys.path,
         "boto3": boto3.__file__, "waypost": waypost.domain.__file__, "file": __file__, "line": first}
print(json.dumps(facts), flush=True)
print("a line of the log", file=sys.stderr)
for line in sys.stdin:
    print(line.upper(), end="", flush=True)
raise LookupError("the last line")
"""


@pytest.fixture(scope="module")
def forking() -> Iterator[ForkingSubprocess]:
    """A process that forks functions, with the packages and the layer of the working tree."""
    with ForkingSubprocess(LAYER, LAYER) as forking:
        yield forking


def start(using: Any, folder: Path, script: str, **variables: str) -> Any:
    """A process that runs a script as the worker of a function, by `subprocess` itself or by forks."""
    folder.mkdir(exist_ok=True)
    (folder / WORKER).write_text(script)
    environment = {"PYTHONPATH": str(LAYER), "PYTHONDONTWRITEBYTECODE": "1", **variables}
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return using.Popen([sys.executable, str(folder / WORKER)], cwd=str(folder), env=environment, text=True, bufsize=1, **pipes)


def seen(process: Any) -> tuple[dict[str, Any], str, list[str]]:
    """What a process says of itself, what it answers, and its log, of which the traceback is shortened to its last line."""
    process.stdin.write("first\n")
    facts = json.loads(process.stdout.readline())
    process.stdin.write("second\n")
    answer = process.stdout.readline()
    process.stdin.close()
    log = process.stderr.read().splitlines()
    process.wait(10)
    for stream in (process.stdout, process.stderr):
        stream.close()
    return facts, answer, [log[0], log[-1]]


def test_a_fork_is_what_a_process_of_its_own_would_be(forking: ForkingSubprocess, tmp_path: Path) -> None:
    """Variables, folder, arguments, import path, modules and the three streams are those of `python script`."""
    started = [start(using, tmp_path / "function", SELF_DESCRIPTION, TABLE="customers") for using in (subprocess, forking)]
    alone, forked = map(seen, started)
    assert isinstance(started[1], Fork)
    assert alone[0]["variables"].pop("LC_CTYPE", None) in {None, "C.UTF-8"}  # an interpreter sets it where no locale is set
    assert forked == alone


def test_two_forks_share_no_variable_and_no_state(forking: ForkingSubprocess, tmp_path: Path) -> None:
    """What one function has in its environment and sets in a module is not in another one, whichever came first."""
    script = 'import os, boto3; print(os.environ.get("ONE"), getattr(boto3, "mark", None), flush=True); boto3.mark = 1; input()'
    first = start(forking, tmp_path / "one", script, ONE="1")
    assert first.stdout.readline() == "1 None\n"
    second = start(forking, tmp_path / "two", script)
    assert second.stdout.readline() == "None None\n"
    for each in (first, second):
        finish(each)


def test_a_fork_that_is_killed_has_ended(forking: ForkingSubprocess, tmp_path: Path) -> None:
    """Its end is seen at once, also one from outside, and to end it again is no error."""
    fork = start(forking, tmp_path / "killed", "input()")
    assert fork.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        fork.wait(0.05)
    os.kill(fork.pid, signal.SIGKILL)
    assert fork.wait(10) == 0
    assert fork.poll() == 0
    fork.terminate()
    finish(fork)


@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_a_fork_ends_when_it_is_asked(forking: ForkingSubprocess, tmp_path: Path, end: str) -> None:
    """As MiniStack ends a function that has run for too long."""
    fork = start(forking, tmp_path / end, "while True: pass")
    getattr(fork, end)()
    assert fork.wait(10) == 0
    finish(fork)


def test_other_programs_start_as_ever(forking: ForkingSubprocess) -> None:
    """Only the workers of functions are forks."""
    process = forking.Popen([sys.executable, "-c", "print(1)"], cwd=str(ROOT), env={}, stdout=subprocess.PIPE, text=True)
    assert isinstance(process, subprocess.Popen)
    assert process.communicate()[0] == "1\n"


def test_no_process_outlives_the_one_that_asked_for_it(tmp_path: Path) -> None:
    """The server and its forks end with the process of the emulator, even if that one is killed."""
    script = f"""
import sys, time
sys.path[:0] = [{str(ROOT)!r}, {str(LAYER)!r}]
from pathlib import Path
from functions.local.function_forks import ForkingSubprocess
from tests.functions.test_local_function_forks import start
forking = ForkingSubprocess(Path({str(LAYER)!r}), Path({str(LAYER)!r}))
fork = start(forking, Path({str(tmp_path)!r}), "import sys; sys.stdin.readline()")
print(forking.server.pid, fork.pid, flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 2
    parent.kill()
    parent.communicate()
    end = time.monotonic() + 10
    while any(runs(pid) for pid in pids) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(runs(pid) for pid in pids)


def runs(pid: int) -> bool:
    """Whether a process exists and has not ended: one that has ended stays in the table until its parent asks for it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def finish(fork: Fork) -> None:
    """Ends a fork by the end of its standard input, and closes its streams."""
    fork.stdin.close()
    fork.wait(10)
    fork.stdout.close()
    fork.stderr.close()
