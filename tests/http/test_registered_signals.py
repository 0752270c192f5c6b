"""Under `lockgate register` a signal means what it means to the program alone."""

import os
import signal
import sys

import pytest

from tests.support.eventually import eventually
from tests.support.registered_programs import PROGRAM, StartRegistered
from tests.support.registry_events import events_of


@pytest.mark.parametrize("name", ["SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH"])
async def test_what_a_program_survives_is_passed_on_and_it_stays_registered(
    start_registered: StartRegistered, registry_url: str, name: str
) -> None:
    """A reload of gunicorn or nginx by SIGHUP drained it for ever; SIGUSR1 ended the wrapper."""
    program = await start_registered(registry_url)
    await program.said()
    await eventually(lambda: events_of(registry_url))

    for _ in range(2):
        program.process.send_signal(signal.Signals[name])
        assert await program.said() == f"got {name}"

    assert await program.answers()
    assert events_of(registry_url) == ["registered"]
    program.process.terminate()
    assert await program.said() == "got SIGTERM"
    assert await program.process.wait() == 3


async def test_what_is_passed_on_goes_to_the_program_and_not_to_what_it_has_started(
    start_registered: StartRegistered, registry_url: str
) -> None:
    """The SIGHUP with which gunicorn's master reloads ends its workers at once."""
    master = (
        "import signal, subprocess, sys\n"
        "signal.signal(signal.SIGHUP, lambda *_: print('master got SIGHUP', flush=True))\n"
        "sys.exit(subprocess.call([sys.executable, 'serve.py', sys.argv[1]]))"
    )
    program = await start_registered(registry_url, command=(sys.executable, "-c", master, "PORT"))
    await program.said()
    await eventually(lambda: events_of(registry_url))

    program.process.send_signal(signal.SIGHUP)
    assert await program.said() == "master got SIGHUP"
    program.process.terminate()
    assert await program.said() == "got SIGTERM"


async def test_a_program_that_ends_by_what_is_passed_on_is_deregistered(
    start_registered: StartRegistered, registry_url: str
) -> None:
    command = (sys.executable, "-m", "http.server", "PORT", "--bind", "127.0.0.1")
    program = await start_registered(registry_url, command=command)
    await eventually(lambda: events_of(registry_url), within_s=20)

    program.process.send_signal(signal.SIGUSR1)

    assert await program.process.wait() == 128 + signal.SIGUSR1
    assert events_of(registry_url) == ["registered", "deregistered"]


async def test_a_program_that_goes_on_after_an_interrupt_is_registered_again(
    start_registered: StartRegistered, registry_url: str
) -> None:
    """Python's prompt reads SIGINT as the end of a line, but the program was drained for ever."""
    goes_on = PROGRAM.replace("(signal.SIGTERM, signal.SIGINT)", "(signal.SIGTERM,)")
    program = await start_registered(registry_url, command=(sys.executable, "-c", goes_on, "PORT"))
    await program.said()
    await eventually(lambda: events_of(registry_url))

    program.process.send_signal(signal.SIGINT)

    assert await program.said() == "got SIGINT"
    await eventually(
        lambda: events_of(registry_url) == ["registered", "draining", "registered"], within_s=30
    )


async def test_a_program_that_is_stopped_still_gets_its_stop_signal(
    start_registered: StartRegistered, registry_url: str
) -> None:
    program = await start_registered(registry_url)
    pid = int(await program.said())
    await eventually(lambda: events_of(registry_url))

    os.kill(pid, signal.SIGSTOP)
    program.process.terminate()

    assert await program.said() == "got SIGTERM"
    assert await program.process.wait() == 3
