"""`lockgate register` leaves no process of a program behind, however the program ends."""

import asyncio
import os
import signal
import socket
import subprocess
import sys

import pytest

from tests.support.eventually import eventually
from tests.support.registered_programs import REPOSITORY, StartRegistered
from tests.support.registry_events import events_of

SERVE = f"{sys.executable} serve.py PORT"
#: The server is a child or a grandchild of a shell, as with `npm run dev` and start scripts.
SCRIPTS = {
    "child": ("sh", "-c", f"{SERVE}; true"),
    "grandchild": ("bash", "-c", f"sh -c '{SERVE}; true'; true"),
}


def listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("script", SCRIPTS)
async def test_a_stop_signal_reaches_all_that_a_script_has_started(
    start_registered: StartRegistered, registry_url: str, script: str, number: signal.Signals
) -> None:
    program = await start_registered(registry_url, command=SCRIPTS[script])
    await program.said()
    await eventually(lambda: events_of(registry_url))

    program.process.send_signal(number)

    assert await program.said() == f"got {number.name}"
    assert await program.process.wait() in (0, 128 + number)
    assert not listens(program.port)
    assert events_of(registry_url) == ["registered", "draining", "deregistered"]


async def test_what_a_script_leaves_behind_when_it_ends_is_ended(
    start_registered: StartRegistered, registry_url: str
) -> None:
    program = await start_registered(registry_url, command=("sh", "-c", f"echo $$; {SERVE}; true"))
    shell = int(await program.said())
    await program.said()
    await eventually(lambda: events_of(registry_url))

    os.kill(shell, signal.SIGKILL)

    assert await program.said() == "got SIGTERM"
    assert await program.process.wait() == 128 + 9
    assert not listens(program.port)
    assert events_of(registry_url) == ["registered", "deregistered"]


#: The child ignores SIGTERM; the program says when the child is there, and ends.
STUBBORN = """
import asyncio, os, subprocess
from gateway.cli.program_group import ProgramGroup

async def main(group):
    group.listen(lambda number: None)
    left = 'trap "" TERM; echo $$; while :; do sleep 1; done'
    program = await asyncio.create_subprocess_exec(
        "sh", "-c", left, process_group=group.id, stdout=subprocess.PIPE
    )
    await program.stdout.readline()
    killed = await group.end()
    print("killed" if killed else "ended", await program.wait())

with ProgramGroup(ends_within_s=0.1) as group:
    asyncio.run(main(group))
"""


async def test_what_ignores_its_stop_signal_is_killed() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", STUBBORN), cwd=REPOSITORY, stdout=subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert out.decode() == "killed -9\n"


@pytest.mark.parametrize("script", [None, *SCRIPTS])
async def test_a_wrapper_that_is_killed_leaves_nothing_behind_and_can_be_started_again(
    start_registered: StartRegistered, registry_url: str, script: str | None
) -> None:
    command = {} if script is None else {"command": SCRIPTS[script]}
    program = await start_registered(registry_url, **command)
    await program.said()
    await eventually(lambda: events_of(registry_url))

    program.process.kill()
    again = await start_registered(registry_url, port=program.port)

    assert await program.said() == "got SIGTERM"
    assert (await again.said()).isdigit()
    taken_over = ["registered", "deregistered", "registered"]
    await eventually(lambda: events_of(registry_url) == taken_over)
    again.process.terminate()
    assert await again.said() == "got SIGTERM"
    assert "Traceback" not in await program.told_at_last()


async def test_a_port_that_is_held_a_moment_longer_is_waited_for(
    start_registered: StartRegistered, registry_url: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        program = await start_registered(registry_url, port=sock.getsockname()[1])
        line = await program.told()
        assert line.startswith(f"lockgate: port {program.port} takes connections already: ")
        assert line.endswith(f"(pid {os.getpid()}) has it; waiting up to 10 s until it lets go")

    assert (await program.said()).isdigit()
    assert await eventually(lambda: events_of(registry_url)) == ["registered"]
