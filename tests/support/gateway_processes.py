"""Starts the gateway as a process, alone or with workers."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.eventually import eventually
from tests.support.gateways import ADMIN_TOKEN, Answer
from tests.support.registry_servers import free_port

ROOT = Path(__file__).parents[2]


#: What Python runs instead of `-m gateway` where the registry must not count as away: on a busy machine its
#: server may stand for some tenths of a second.
PATIENT_WITH_THE_REGISTRY = (
    "-c",
    (
        "import runpy\n"
        "from discovery.store import clients\n"
        "from middlewares.limits import limiter\n"
        "limiter.ANSWER_WITHIN_S = clients.CONNECT_TIMEOUT_S = clients.CALL_TIMEOUT_S = 10.0\n"
        "runpy.run_module('gateway', run_name='__main__')"
    ),
)


class GatewayProcess:
    """`python -m gateway` with its output in files of `folder`."""

    def __init__(self, folder: Path, process: asyncio.subprocess.Process, port: int) -> None:
        self.port = port
        self.process = process
        self._folder = folder

    @property
    def stdout(self) -> str:
        return (self._folder / "stdout").read_text()

    @property
    def stderr(self) -> str:
        return (self._folder / "stderr").read_text()

    def logs(self, event: str | None = None) -> list[dict[str, Any]]:
        """The complete log lines, or those of one event."""
        lines = [json.loads(line) for line in self.stdout.split("\n")[:-1]]
        return [line for line in lines if event in (None, line["event"])]

    async def exit_status(self, within_s: float = 30.0) -> int:
        return await asyncio.wait_for(self.process.wait(), within_s)

    async def request(
        self, method: str, path: str, *, port: int | None = None, **kwargs: Any
    ) -> Answer:
        url = f"http://127.0.0.1:{port or self.port}{path}"
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.request(method, url, **kwargs) as response,
        ):
            return Answer(response.status, response.headers, await response.read())

    async def put(self, path: str, port: int, *, at: int | None = None, **body: Any) -> bool:
        """Register an instance at its path; False: it may have been registered more than once.

        A call that the registry has not answered within 0.25 s is sent again, and replaces the first one then.
        If it is not answered either, the service is told to try again later.
        """
        tries = 0
        while True:
            tries += 1
            answer = await self.request(
                "PUT", path, port=at, json={"host": "127.0.0.1", "port": port, **body}
            )
            if answer.status != 503 or answer.reason != "registry_unavailable" or tries == 20:
                break
        assert answer.status in (200, 201), answer.body
        return tries == 1 and answer.status == 201

    async def register(self, name: str, port: int, *, at: int | None = None, **body: Any) -> None:
        """Register an instance at the admin port, and wait until it is healthy."""
        await self.put(f"/services/{name}/instances/i1", port, at=at, **body)
        await eventually(
            lambda: any(
                line["name"] == name and line["to"] == "healthy"
                for line in self.logs("instance.health_changed")
            )
        )


@asynccontextmanager
async def gateway_process(
    folder: Path,
    registry_url: str,
    *,
    started: bool = True,
    prefix: Sequence[str] = (),
    module: Sequence[str] = ("-m", "gateway"),
    session: bool = False,
    **environment: str,
) -> AsyncIterator[GatewayProcess]:
    """Run the process for the block; `started`: wait until it answers and routes.

    `prefix` precedes the command; `module` is what Python runs; `session`: in a session of its own.
    """
    port = free_port()
    variables = {
        "PATH": os.environ["PATH"],
        "REDIS_URL": registry_url,
        "GATEWAY_PORT": str(port),
        "ADMIN_TOKEN": ADMIN_TOKEN,
        "HEALTH_CHECK_INTERVAL": "0.2",
        "SHUTDOWN_GRACE": "4",
        # If coverage measures the tests, it also measures what they start.
        **{key: value for key, value in os.environ.items() if key.startswith("COVERAGE_")},
        **environment,
    }
    with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(*prefix, sys.executable, *module),
            cwd=ROOT,
            env=variables,
            stdout=stdout,
            stderr=stderr,
            start_new_session=session,
        )
    gateway = GatewayProcess(folder, process, port)
    try:
        if started:
            await eventually(lambda: gateway.logs("gateway.started"), within_s=60)
            await eventually(lambda: gateway.logs("gateway.routing"), within_s=60)
        yield gateway
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


class GatewayOfWorkers(GatewayProcess):
    """A gateway with workers; `process` is the master, in a process group of its own with them."""

    @property
    def workers(self) -> list[int]:
        """The pids of the workers that are ready and have neither ended nor been told to, by slot."""
        lines = self.logs()  # once, since more may come
        ready = {line["pid"]: line["slot"] for line in lines if line["event"] == "worker.ready"}
        for line in lines:
            if line["event"] in ("worker.stopping", "worker.stopped", "worker.ended"):
                ready.pop(line["pid"], None)
        return sorted(ready, key=lambda pid: (ready[pid], pid))

    async def all_ready(self, count: int = 2, *, without: Sequence[int] = ()) -> list[int]:
        """Wait until so many workers serve, none of which is one of `without`; their pids by slot."""

        def look() -> list[int] | None:
            workers = (
                self.workers
            )  # once, since one that ends meanwhile would be counted and not found
            return workers if len(workers) == count and not {*workers} & {*without} else None

        found: list[int] = await eventually(look, within_s=90)
        return found

    async def roll(self) -> dict[str, Any]:
        """Send SIGUSR2, and wait for the roll's end: the log line that tells of it."""
        begun = len(self.ended_rolls())
        self.process.send_signal(signal.SIGUSR2)
        ends: list[dict[str, Any]] = await eventually(
            lambda: self.ended_rolls()[begun:], within_s=150
        )
        return ends[0]

    def ended_rolls(self) -> list[dict[str, Any]]:
        """The log lines that tell of the ends of rolls."""
        return [line for line in self.logs() if line["event"] in ("roll.done", "roll.failed")]


@asynccontextmanager
async def gateway_of_workers(
    folder: Path, registry_url: str, *, started: bool = True, **environment: str
) -> AsyncIterator[GatewayOfWorkers]:
    """Run a gateway of two workers, or of GATEWAY_WORKERS, for the block; `started`: wait until all serve.

    No process of it is left behind.
    """
    count = environment.setdefault("GATEWAY_WORKERS", "2")
    environment.setdefault("WORKER_READY_TIMEOUT", "120")  # a busy machine starts a Python slowly
    async with gateway_process(
        folder, registry_url, started=False, session=True, **environment
    ) as gateway:
        try:
            workers = GatewayOfWorkers(folder, gateway.process, gateway.port)
            if started:
                await workers.all_ready(int(count))
                # The master says it after the last worker is ready, in a line of its own.
                await in_the_end(lambda: workers.logs("gateway.started"))
            yield workers
        finally:
            with suppress(ProcessLookupError):
                os.killpg(gateway.process.pid, signal.SIGKILL)


async def until(look: Callable[[], Awaitable[bool]], *, within_s: float = 15.0) -> None:
    """`eventually` for a coroutine function."""
    _: bool = await eventually(look, within_s=within_s)


#: `eventually` with the time that workers need on a busy machine.
in_the_end = partial(eventually, within_s=60.0)
