"""Counts the bytecodes that a request takes: `python -m bench.profile.counting REGISTRY-PORT WORKLOAD …`.

The gateway runs in this process with all of its layers. Its clients and its instance have no sockets, so
nothing but the code decides what is counted, and a change of ten bytecodes is seen. `--file` names a
configuration file for it, and `--versions` registers the instance twice, as those of
bench/policies/ need it. Prints JSON: by workload, by function, the bytecodes per request.
"""

import argparse
import asyncio
import gc
import json
import os
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from aiohttp import web

from bench.peers import lockgate
from bench.peers.peer import SMALL, Site
from bench.policies.cases import OF_POLICIES
from bench.policies.lockgate_file import register_versions
from bench.processes import until_routed
from bench.profile.rooms import Function, is_own
from bench.profile.without_sockets import OwnLoop, ToClient
from bench.workloads import WORKLOADS, Workload, new_run, requests
from discovery.base.tasks import end
from gateway.app import create_app, create_runner
from gateway.config.settings import load_settings
from gateway.front.server import GatewayRunner
from gateway.worker.configuration.at_start import read_at_start
from gateway.worker.worker import GATEWAY, Gateway
from middlewares.codings import encoder
from middlewares.telemetry.logs import configure_logging

CLIENTS = 64
WARMED_UP_BY, COUNTED = 4 * CLIENTS, 8 * CLIENTS
#: The least of so many counts holds: while the machine is busy, a call of the limiter may take too long.
TAKES = 3
#: For all counts of one workload.
_MOST_S = 60
#: A function that runs for fewer than one in so many requests is left out.
SELDOM = 100
#: The code of the measurement, which is not counted.
_BENCH = str(Path(__file__).resolve().parents[1])
#: How the answers to a path end.
_ENDS = {"/chunked": b"}\r\n0\r\n\r\n", "/unmodified": b"\r\n\r\n"}


class Counting:
    """Counts bytecodes by function while it is entered; a library works for the function that called it."""

    def __init__(self) -> None:
        self._steps: Counter[CodeType] = Counter()
        self._calls: Counter[CodeType] = Counter()

    def per_request(self) -> list[tuple[float, list[Function]]]:
        """The bytecodes of each function, without those that run seldom: they work in the background."""
        return [
            (steps / COUNTED, [(code.co_filename, code.co_qualname)])
            for code, steps in self._steps.most_common()
            if self._calls[code] * SELDOM > COUNTED
        ]

    def __enter__(self) -> None:
        # What the collector finalizes would count for the function that it interrupts.
        gc.collect()
        gc.disable()
        self._before = sys.gettrace()
        sys.settrace(self._begins)

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)
        gc.enable()

    def _begins(self, frame: FrameType, _event: str, _argument: object) -> Any:
        if frame.f_code.co_filename.startswith(_BENCH):
            return None
        owner = _owner(frame)
        if owner is None:
            return None
        self._calls[owner] += owner is frame.f_code
        frame.f_trace_opcodes = True

        def step(_frame: FrameType, event: str, _argument: object) -> Any:
            if event == "opcode":
                self._steps[owner] += 1
            return step

        return step


def _owner(frame: FrameType) -> CodeType | None:
    """The innermost function of the gateway; else the library's own, or None if the measurement called it."""
    at: FrameType | None = frame
    while at is not None:
        file = at.f_code.co_filename
        if file.startswith(_BENCH):
            return None
        if is_own(file):
            return at.f_code
        if file.endswith("asyncio/runners.py"):
            break
        at = at.f_back
    return frame.f_code


async def main(
    registry_port: int, workloads: list[Workload], file: str | None, *, has_versions: bool
) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, OwnLoop)
    with socket.create_server(("127.0.0.1", 0), backlog=2 * CLIENTS) as origin:
        loop.origin = origin.getsockname()
        async with _gateway(registry_port, loop.origin[1], file, has_versions) as runner:
            counted = {}
            for one in workloads:
                with suppress(TimeoutError):  # its answers do not end as they should
                    async with asyncio.timeout(_MOST_S):
                        counted[one.name] = await _count(loop, runner, one)
    json.dump(counted, sys.stdout)


def _has_versions(gateway: Gateway) -> bool:
    """Whether two versions of the service may be routed to."""
    view = gateway.overlay.routed
    entries = [] if view is None else list(view.entries())
    healthy = [one for one in entries if gateway.member.health.status(one.key) == "healthy"]
    return len({one.instance.version for one in healthy} - {None}) >= 2


@asynccontextmanager
async def _gateway(
    registry_port: int, origin_port: int, file: str | None, has_versions: bool
) -> AsyncIterator[GatewayRunner]:
    """Run the gateway with the settings of all measurements, and register the instance."""
    site = Site(0, origin_port, 0, Path())
    environment = lockgate.peer(sys.executable, registry_port).launch(site).environment
    own = {"REGISTRY_NAMESPACE": "counting", "HEALTH_CHECK_INTERVAL": "3600"}
    if file is not None:
        own["GATEWAY_CONFIG"] = file
    settings = load_settings({**environment, **own})
    app = create_app(settings, read_at_start(settings))
    gateway = app[GATEWAY]
    runner = create_runner(app)
    await runner.setup()
    try:
        await gateway.member.ready()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        name = SMALL.rpartition("/")[2]
        await asyncio.to_thread(lockgate.register, port, name, origin_port)
        await asyncio.to_thread(until_routed, f"http://127.0.0.1:{port}{SMALL}/small")
        if has_versions:
            await asyncio.to_thread(register_versions, port, origin_port)
            while not _has_versions(gateway):
                await gateway.member.health.changed(f"{name}_service")
        await _leave_alone("limiter")
        yield runner
    finally:
        await runner.cleanup()


async def _leave_alone(work: str) -> None:
    """End the work in the background, all but this: how often it runs is a matter of time."""
    own = asyncio.current_task()
    others = [one for one in asyncio.all_tasks() if one is not own and one.get_name() != work]
    await end(*others)


async def _count(
    loop: asyncio.AbstractEventLoop, runner: GatewayRunner, workload: Workload
) -> list[tuple[float, list[Function]]]:
    source = requests(workload.template("127.0.0.1:8080", SMALL), new_run())
    end_of_answers = _end_of(workload)
    clients = []
    turn = _Turn(source)
    for _ in range(CLIENTS):
        client = ToClient(loop, turn.ask, end_of_answers)
        client.protocol = runner.gateway_server()
        client.protocol.connection_made(client)
        clients.append(client)
    await turn.take(WARMED_UP_BY, clients)
    counts = []
    for _ in range(TAKES):
        with (counting := Counting()):
            await turn.take(COUNTED, clients)
        counts.append(counting.per_request())
    for client in clients:
        client.protocol.connection_lost(None)
    return min(counts, key=lambda functions: sum(steps for steps, _ in functions))


def _end_of(workload: Workload) -> bytes:
    """The last bytes of each answer."""
    if not workload.coding:
        return _ENDS.get(workload.target.partition("?")[0], b"}")
    encode = encoder(workload.coding.encode(), 5 if workload.coding == "gzip" else None)
    return (encode.feed(workload.answer.encode()) + encode.finish())[-8:]


class _Turn:
    """Hands out a number of requests, and knows when all are answered."""

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source = source
        self._left = 0
        self._asking = 0
        self._done = asyncio.Event()

    async def take(self, count: int, clients: list[ToClient]) -> None:
        self._left, self._asking = count, len(clients)
        self._done.clear()
        for client in clients:
            client.begin()
        await self._done.wait()

    def ask(self) -> bytes | None:
        if self._left:
            self._left -= 1
            return next(self._source)
        self._asking -= 1
        if not self._asking:
            self._done.set()
        return None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file")
    parser.add_argument("--versions", action="store_true")
    parser.add_argument("registry_port", type=int)
    parser.add_argument("workloads", nargs="+")
    said = parser.parse_args()
    configure_logging(service="gateway", file_descriptor=os.open(os.devnull, os.O_WRONLY))
    with asyncio.Runner(loop_factory=OwnLoop) as one:
        known = {**WORKLOADS, **OF_POLICIES}
        chosen = [known[name] for name in said.workloads]
        one.run(main(said.registry_port, chosen, said.file, has_versions=said.versions))
