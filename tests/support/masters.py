"""A master as a process of its own, with workers that are started in a moment and do what a test wants."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway.master.state import MasterState
from gateway.master.wire import MASTER_STATE
from tests.support.gateway_processes import ROOT, GatewayOfWorkers

#: What each worker begins with; `slot` and `begin` are what the master gave it.
_PRELUDE = """
import json, os, signal, socket, struct, sys, time
sock = socket.socket(fileno=int(os.environ["LOCKGATE_WORKER_FD"]))
received = b""

def send(**message):
    body = json.dumps(message).encode()
    sock.sendall(struct.pack("!I", len(body)) + body)

def receive():
    global received
    while len(received) < 4 or len(received) < 4 + struct.unpack("!I", received[:4])[0]:
        data = sock.recv(65536)
        if not data:
            sys.exit(0)
        received += data
    end = 4 + struct.unpack("!I", received[:4])[0]
    message, received = json.loads(received[4:end]), received[end:]
    return message

def answer_of_master(topic, body):
    waited_s = sock.gettimeout()
    sock.settimeout(None)
    send(kind="ask", id=1, to="master", topic=topic, body=body)
    while True:
        message = receive()
        if message["kind"] == "answer":
            sock.settimeout(waited_s)
            return message["body"]

def serve():
    sock.settimeout(0.1)
    while True:
        send(kind="beat")
        try:
            receive()
        except TimeoutError:
            pass

begin = receive()
slot = begin["slot"]
"""

#: A worker that is ready and tells so that it lives.
SERVES = "send(kind='ready', view=True); serve()"

_MASTER = """
import asyncio, importlib, json, os, sys
from gateway.master import rolls
from gateway.master.master import Master
from gateway.master.state import MasterState
for name, value in json.loads(sys.argv[2]).items():
    module, _, constant = name.rpartition(".")
    setattr(importlib.import_module("gateway.master." + module), constant, value)

async def stays(master):  # the next master would start real workers
    master.rolls.go_on()
    return ""

async def run():
    rolls.renew = stays
    state = MasterState.of_descriptor(int(os.environ.pop("LOCKGATE_MASTER_STATE")))
    words = [sys.executable, "-I", "-S", sys.argv[1]]
    return await Master(state, words).run()

sys.exit(asyncio.run(run()))
"""


@asynccontextmanager
async def master_process(
    folder: Path,
    program: str = SERVES,
    *,
    constants: Mapping[str, Any] | None = None,
    ready: bool = True,
    **state: Any,
) -> AsyncIterator[GatewayOfWorkers]:
    """Run a master of two workers, each of which runs `program`; `ready`: wait until they are.

    It goes on with its own code in a roll.

    `constants` replaces values of its modules, such as `watching.LOOK_EVERY_S`; `state` is what it begins with.
    """
    import json

    worker = folder / "worker.py"
    worker.write_text(_PRELUDE + program)
    begins = replace(MasterState(sockets={}, workers=2, gateway="g"), **state)
    descriptor = begins.to_descriptor()
    try:
        with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-c", _MASTER, str(worker), json.dumps(constants or {})),
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], MASTER_STATE: str(descriptor)},
                pass_fds=(descriptor,),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
    finally:
        os.close(descriptor)
    master = GatewayOfWorkers(folder, process, 0)
    try:
        if ready:
            await master.all_ready(begins.workers)
        yield master
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
