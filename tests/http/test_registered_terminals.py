"""`lockgate register` in a terminal: the program has the terminal as if the shell had started it."""

import shlex
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.registered_programs import LOCKGATE, REPOSITORY
from tests.support.registry_events import events_of
from tests.support.registry_servers import free_port
from tests.support.terminals import CTRL_C, CTRL_Z, PROMPT, Terminal

#: A program that serves and reads its terminal, through standard input or directly as a debugger does.
READS = """
import http.server, os, sys, threading, time
server = http.server.ThreadingHTTPServer(
    ("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler
)
threading.Thread(target=server.serve_forever, daemon=True).start()
terminal = open(sys.argv[2])
print("reads", flush=True)
for line in terminal:
    print("has read", line.strip(), flush=True)
    if line.strip() == "quit":
        break
"""


@pytest.fixture
async def terminal(tmp_path: Path, registry_url: str) -> AsyncIterator[Terminal]:
    (tmp_path / "reads.py").write_text(READS)
    variables = {"PYTHONPATH": str(REPOSITORY), "REDIS_URL": registry_url}
    async with Terminal(sys.executable, tmp_path, variables) as terminal:
        yield terminal


def registered(command: str, port: int | None = None) -> str:
    """The command line to type: `lockgate register` with the program."""
    port = port or free_port()
    options = f"register --name orders --id o1 --port {port} --"
    return f"{shlex.join(LOCKGATE)} {options} {command.replace('PORT', str(port))}"


READING = f"{sys.executable} reads.py PORT /dev/stdin"


async def test_a_program_can_read_its_terminal(terminal: Terminal, registry_url: str) -> None:
    """SIGTTIN stopped the program, which stayed healthy while every request timed out."""
    terminal.type(registered(READING) + "\n")
    await terminal.shows("reads\r\n")
    await eventually(lambda: events_of(registry_url))

    terminal.type("hello\n")
    await terminal.shows("has read hello")
    terminal.type("quit\n")
    await terminal.shows("has read quit")

    await terminal.shows(PROMPT)  # the shell is back
    terminal.type("echo status $?\n")
    await terminal.shows("\nstatus 0")
    assert events_of(registry_url) == ["registered", "deregistered"]


async def test_a_program_that_reads_the_terminal_beside_its_standard_input_gets_it_too(
    terminal: Terminal, registry_url: str
) -> None:
    terminal.type(registered(f"{sys.executable} reads.py PORT /dev/tty") + " < /dev/null\n")
    await terminal.shows("reads\r\n")

    terminal.type("hello\n")
    await terminal.shows("has read hello")
    terminal.type("quit\n")
    await terminal.shows(PROMPT)


async def test_ctrl_c_reaches_the_program_and_drains_it(
    terminal: Terminal, registry_url: str
) -> None:
    terminal.type(registered(f"sh -c {shlex.quote(READING + '; true')}") + "\n")
    await terminal.shows("reads\r\n")
    await eventually(lambda: events_of(registry_url))

    terminal.type(CTRL_C)

    await terminal.shows("KeyboardInterrupt")
    await terminal.shows(PROMPT)
    terminal.type("echo status $?\n")
    await terminal.shows("\nstatus 130")
    assert events_of(registry_url)[-1] == "deregistered"


async def test_ctrl_z_stops_it_as_any_job(terminal: Terminal, registry_url: str) -> None:
    """A stopped program answers nobody, so it is deregistered meanwhile."""
    terminal.type(registered(READING) + "\n")
    await terminal.shows("reads\r\n")
    await eventually(lambda: events_of(registry_url))

    terminal.type(CTRL_Z)
    await terminal.shows("Stopped")
    await terminal.shows(PROMPT)
    assert events_of(registry_url) == ["registered", "deregistered"]

    terminal.type("fg\n")
    await eventually(lambda: events_of(registry_url)[-1] == "registered", within_s=20)
    terminal.type("hello\n")
    await terminal.shows("has read hello")
    terminal.type("quit\n")
    await terminal.shows(PROMPT)


def is_stopped(terminal: Terminal) -> bool:
    """Whether the shell has a stopped job; each look asks the shell anew."""
    terminal.type("jobs\n")
    return "Stopped" in terminal.shown


async def test_a_job_that_is_brought_to_the_foreground_at_once_is_not_stopped_later(
    terminal: Terminal,
) -> None:
    """A shell sends no SIGCONT to a job that it takes for running: nobody would continue it."""
    terminal.type(registered(READING) + " &\n")
    await terminal.shows("reads\r\n")

    terminal.type("fg\n")
    terminal.type("hello\n")
    await terminal.shows("has read hello")
    terminal.type("quit\n")
    await terminal.shows(PROMPT)


async def test_a_job_in_the_background_that_reads_is_stopped_and_deregistered(
    terminal: Terminal, registry_url: str
) -> None:
    terminal.type(registered(READING) + " &\n")
    await terminal.shows("reads\r\n")
    await eventually(lambda: is_stopped(terminal), within_s=20)
    assert events_of(registry_url)[-1:] != ["registered"]

    terminal.type("fg\n")
    terminal.type("hello\n")
    await terminal.shows("has read hello")
    await eventually(lambda: events_of(registry_url)[-1:] == ["registered"], within_s=20)
    terminal.type("quit\n")
    await terminal.shows(PROMPT)
    await eventually(lambda: events_of(registry_url)[-1] == "deregistered")
