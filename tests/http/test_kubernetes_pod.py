"""The gateway as in a pod of deploy/kubernetes: its variables, its user, and files as the kubelet mounts them."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from discovery import AsyncServiceRegistry
from tests.support.documents import ROOT
from tests.support.eventually import eventually
from tests.support.manifests import pods
from tests.support.manifests.building import (
    KUBERNETES,
    build,
    containers,
    each,
    named,
    template,
)
from tests.support.registry_servers import free_port

pytestmark = pytest.mark.timeout(300)  # four processes start

ROUTE = "routes: [{name: hello, match: {path: /hello}, respond: {status: 200, body: %s}}]\n"


class Mounted:
    """A volume of a ConfigMap or Secret: the names lead through `..data`, which is replaced as a whole."""

    def __init__(self, folder: Path, group: int, mode: int) -> None:
        folder.mkdir(parents=True)
        self._folder, self._group, self._mode = folder, group, mode
        self._times = 0

    def update(self, name: str, text: str) -> None:
        self._times += 1
        data = self._folder / f"..2026_11_30_{self._times}"
        data.mkdir()
        (data / name).write_text(text)
        (data / name).chmod(self._mode)
        if self._group != os.getgid():
            os.chown(data / name, 0, self._group)
        before = self._folder / "..data"
        old = before.resolve() if before.is_symlink() else None
        (self._folder / "..data_tmp").symlink_to(data.name)
        (self._folder / "..data_tmp").rename(before)
        if old is None:
            (self._folder / name).symlink_to(f"..data/{name}")
        else:
            shutil.rmtree(old)


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that every user can look into, unlike `tmp_path`."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def as_user(number: int) -> list[str]:
    """The words before a command that runs it as the pod's user, without any rights."""
    if number == os.geteuid():
        return []
    command = ["setpriv", "--reuid", str(number), "--regid", str(number), "--clear-groups"]
    command += ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
    tried = [*command, sys.executable, "-c", "import gateway"]
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("only root can become another user")
    if subprocess.run(tried, cwd=ROOT, capture_output=True, check=False).returncode:
        pytest.skip("this checkout can't be read by other users")
    return command


@asynccontextmanager
async def running(
    command: list[str], environment: dict[str, str], log: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, cwd=ROOT, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


@pytest.mark.parametrize("who", ["the user of the tests", "the user of the pod"])
async def test_it_starts_is_ready_reads_an_exchanged_file_and_stops(
    who: str, folder: Path, registry_url: str
) -> None:
    documents = build(KUBERNETES / "overlays/sentinel")
    deployment = named(documents, "Deployment", "gateway")
    context = template(deployment)["spec"]["securityContext"]
    is_pods = who == "the user of the pod"
    user = context["runAsUser"] if is_pods else os.geteuid()
    before = as_user(user)
    token = Mounted(folder / "secret", context["fsGroup"] if is_pods else os.getgid(), 0o440)
    if not is_pods:  # a file of one's own may not be read by the group either
        token = Mounted(folder / "own-secret", os.getgid(), 0o400)
    token.update("token", "the-token-of-this-test\n")
    file = Mounted(folder / "file", os.getgid(), 0o644)
    file.update(
        "lockgate.yaml", named(documents, "ConfigMap", "gateway-file")["data"]["lockgate.yaml"]
    )
    (folder / "view").mkdir()
    if is_pods:
        os.chown(folder / "view", 0, context["fsGroup"])
        (folder / "view").chmod(0o2770)
    port, admin = free_port(), free_port()
    values = pods.variables(documents, deployment)
    environment = {name: value for name, value in values.items() if value is not None} | {
        "PATH": os.environ["PATH"],
        "GATEWAY_PORT": str(port),
        "ADMIN_LISTEN": f"127.0.0.1:{admin}",
        "ADMIN_TOKEN_FILE": str(folder / ("secret" if is_pods else "own-secret") / "token"),
        "GATEWAY_CONFIG": str(folder / "file/lockgate.yaml"),
        "VIEW_FILE": str(folder / "view/view"),
        "REDIS_URL": registry_url,
        "RATE_LIMIT_REQUESTS": "0",  # it is asked again and again
    }
    log = folder / "log"
    command = [*before, sys.executable, "-m", "gateway"]
    # Each request has a connection of its own: it may come to any worker, and none is idle at the end.
    connector = aiohttp.TCPConnector(force_close=True)
    async with (
        running(command, environment, log) as process,
        aiohttp.ClientSession(connector=connector) as session,
    ):

        async def answers(path: str, at: int = port) -> tuple[int, str]:
            try:
                async with session.get(f"http://127.0.0.1:{at}{path}") as response:
                    return response.status, await response.text()
            except aiohttp.ClientError as error:
                assert process.returncode is None, log.read_text()
                return 0, str(error)

        async def answers_often(wanted: tuple[int, str]) -> bool:
            # Each worker answers some of them.
            return all([await answers("/hello") == wanted for _ in range(16)])

        probes = {probe["path"] for probe in each(template(deployment), "httpGet")}
        for path in probes:
            await eventually(lambda path=path: is_200(answers, path), within_s=90)
        status, text = await answers("/metrics", admin)
        assert (status, "discovery_registry_up 1.0" in text) == (200, True)
        assert (await answers("/metrics"))[0] == 404

        file.update("lockgate.yaml", ROUTE % "first")
        await eventually(lambda: answers_often((200, "first")), within_s=90)
        file.update("lockgate.yaml", "routes: [{nam: hello}]\n")
        await eventually(lambda: '"config.rejected"' in log.read_text(), within_s=90)
        assert await answers_often((200, "first"))
        file.update("lockgate.yaml", ROUTE % "second")
        await eventually(lambda: answers_often((200, "second")), within_s=90)

        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 60) == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    (started,) = [line for line in lines if line["event"] == "gateway.started"]
    assert started["workers"] == int(environment["GATEWAY_WORKERS"])
    assert len([line for line in lines if line["event"] == "worker.ready"]) == started["workers"]


async def is_200(answers: Callable[[str], Awaitable[tuple[int, str]]], path: str) -> bool:
    return (await answers(path))[0] == 200


async def test_the_example_around_any_program_registers_the_pods_address(
    folder: Path, registry_url: str
) -> None:
    documents = build(KUBERNETES / "overlays/full")
    deployment = named(documents, "Deployment", "orders")
    (container,) = containers(deployment)
    port = str(free_port())
    words = [port if word == "9000" else word for word in container["command"] + container["args"]]
    command = [str(Path(sys.executable).parent / words[0]), *words[1:]]
    known = {"REDIS_URL": registry_url, "ADVERTISE_HOST": "127.0.0.1"}
    values = pods.variables(documents, deployment)
    environment = {name: known[name] if value is None else value for name, value in values.items()}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    async with AsyncServiceRegistry(registry_url) as registry:
        async with running(command, environment, folder / "log") as process:

            async def registered() -> list[str]:
                assert process.returncode is None, (folder / "log").read_text()
                services = await registry.list_services()
                return [one["url"] for service in services for one in service["instances"]]

            await eventually(registered, within_s=90)
            assert await registered() == [f"http://127.0.0.1:{port}"]
        assert await registry.list_services() == []
