"""The profile `ha` of compose.yaml without an engine: commands and variables of its containers, an address each."""

import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support import registry_commands
from tests.support.container_network import Program, container_network
from tests.support.containers import ROOT, compose, compose_environment, dockerfile
from tests.support.stack_stand_ins import until
from tests.support.steady_load import CLIENTS

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

OUTSIDE_PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
SCRIPTS = ROOT / "deploy/kubernetes/registry"
#: The last number of each container's address.
NUMBERS = {
    "haproxy": 2,
    "ha_gateway_a": 3,
    "ha_gateway_b": 4,
    "ha_valkey_1": 5,
    "ha_valkey_2": 6,
    "ha_sentinel_1": 7,
    "ha_sentinel_2": 8,
    "ha_sentinel_3": 9,
}
SENTINELS = [name for name in NUMBERS if "sentinel" in name]
ADDRESSES = [f"10.88.0.{NUMBERS[name]}" for name in ("ha_valkey_1", "ha_valkey_2")]
GATEWAYS = [name for name in NUMBERS if "gateway" in name]


class Containers:
    """The running containers, and what the load found."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._shells: dict[str, psutil.Process] = {}

    def state(self) -> dict[str, Any]:
        try:
            state: dict[str, Any] = json.loads((self.folder / "state.json").read_text())
        except FileNotFoundError:
            return {"in_a_row": 0, "phase": "", "primaries": [], "replicas": [], "answered": {}}
        return state

    def begin(self, phase: str) -> None:
        (self.folder / "phase.new").write_text(phase)
        (self.folder / "phase.new").rename(self.folder / "phase")
        until(lambda: self.state()["phase"] == phase, within_s=90)

    def goes_on(self, requests: int) -> None:
        """Wait for so many answers in the present phase."""
        phase = self.state()["phase"]
        until(lambda: self.state()["answered"].get(phase, 0) >= requests, within_s=120)

    def shell(self, name: str) -> psutil.Process:
        """The shell of a container, which starts its program again and again."""
        if name not in self._shells:
            found = [one for one in psutil.process_iter() if self._is_shell(one, name)]
            # What it has forked is as it is, until that has become its program.
            self._shells[name] = min(found, key=psutil.Process.create_time)
        return self._shells[name]

    def process(self, name: str) -> psutil.Process | None:
        """The program of a container; None: it is about to be started."""
        for one in self.shell(name).children():
            with contextlib.suppress(psutil.NoSuchProcess):
                if one.name() != "sleep" and "_again" not in one.cmdline():
                    return one
        return None

    def _is_shell(self, process: psutil.Process, name: str) -> bool:
        try:
            marked = process.environ().get("CONTAINER") == f"{self.folder}/{name}"
            return marked and "_again" in process.cmdline()
        except (psutil.Error, OSError):
            return False

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal, and wait until the container was started again."""
        before = self.process(name)
        assert before is not None
        before.send_signal(number)
        until(lambda: self.process(name) not in (before, None), within_s=120)

    def times_up(self, gateway: str) -> int:
        """How often HAProxy has found a gateway to be ready."""
        log = (self.folder / "haproxy.log").read_text()
        return log.count(f"Server gateways/{gateway[-1]} is UP")


@contextmanager
def running(folder: Path) -> Iterator[Containers]:
    haproxy = shutil.which("haproxy")
    if haproxy is None:
        pytest.skip("there is no haproxy")
    registry_commands.install(folder / "bin")
    (folder / "phase").write_text("start")
    # There is no name server: names are in a file, which HAProxy reads at its start.
    config = (ROOT / "deploy/haproxy.cfg").read_text()
    (folder / "haproxy.cfg").write_text(config.replace(" resolvers network ", " "))
    programs = [*(program(folder, name, haproxy) for name in NUMBERS), *others(folder)]
    names = {f"10.88.0.{number}": name for name, number in NUMBERS.items()}
    with ExitStack() as stack:
        try:
            stack.enter_context(container_network(folder, programs, names))
        except OSError as error:
            pytest.skip(f"this system allows no namespaces of networks: {error}")
        yield Containers(folder)


def program(folder: Path, name: str, haproxy: str) -> Program:
    container = compose()["services"][name]
    environment = {
        "PATH": f"{folder}/bin{os.pathsep}{OUTSIDE_PATH}",
        "CONTAINER": f"{folder}/{name}",
    }
    if "gateway" in name:
        command = dockerfile()[1].command
        environment |= dockerfile()[1].environment({"PATH": environment["PATH"]})
        environment |= compose_environment(name, {"RATE_LIMIT_REQUESTS": "0"})
        # The same network is that of HAProxy here.
        environment |= {"TRUSTED_PROXIES": "10.88.0.2/32", "PYTHONPATH": str(ROOT)}
    elif name == "haproxy":
        command = [haproxy, "-db", "-f", str(folder / "haproxy.cfg")]
        environment |= compose_environment(name, {})
    else:
        command = [word.replace("/scripts", str(SCRIPTS)) for word in container["entrypoint"]]
        (folder / name).mkdir()
        environment |= compose_environment(name, {}) | {"DATA": str(folder / name)}
        for number, here in zip((1, 2), ADDRESSES, strict=True):
            there = compose()["services"][f"ha_valkey_{number}"]["networks"]["ha"]["ipv4_address"]
            environment = {
                key: here if value == there else value for key, value in environment.items()
            }
    # As `restart: unless-stopped` does.
    again = ["/bin/sh", "-c", 'while :; do "$@"; sleep 0.2; done', "_again", *command]
    return Program(NUMBERS[name], again, environment, folder / f"{name}.log")


def others(folder: Path) -> Iterator[Program]:
    """Two instances of a service, and the load."""
    registry = compose_environment("ha_price_service", {})
    environment = {name: registry[name] for name in ("REDIS_URL", "ADVERTISE_OWN_ADDRESS")}
    environment |= {"PATH": OUTSIDE_PATH, "PYTHONPATH": str(ROOT)}
    for number in (10, 11):
        command = [sys.executable, "-m", "tests.support.echo_service"]
        yield Program(number, command, environment, folder / f"echo-{number}.log")
    command = [sys.executable, "-m", "tests.support.steady_load", "http://haproxy:8080"]
    yield Program(1, [*command, str(folder), *SENTINELS], environment, folder / "load.log")


def test_no_request_fails_while_gateways_are_replaced_and_the_registry_fails_over(
    tmp_path: Path,
) -> None:
    with running(tmp_path) as containers:
        until(lambda: containers.state()["in_a_row"] > 100, within_s=120)
        assert containers.state()["primaries"] == [ADDRESSES[0]] * 3
        for gateway in GATEWAYS:
            until(lambda: containers.times_up(gateway), within_s=120)  # noqa: B023

        for gateway in GATEWAYS:
            containers.begin(f"{gateway} is replaced")
            containers.goes_on(50)
            before = containers.times_up(gateway)
            containers.signal(gateway, signal.SIGTERM)
            until(lambda: containers.times_up(gateway) > before, within_s=120)  # noqa: B023
            containers.goes_on(300)

        # A sentinel asks the primary for its replicas every 10 s. One that knows of none promotes none.
        until(lambda: containers.state()["replicas"] == [1] * 3, within_s=120)
        containers.begin("the primary dies")
        hosts = tmp_path / "hosts"
        # An engine knows no name of a container that is gone: sentinels with names then promoted nobody.
        hosts.write_text(hosts.read_text().replace("ha_valkey_1", "gone"))
        shell, primary = containers.shell("ha_valkey_1"), containers.process("ha_valkey_1")
        assert primary is not None
        shell.suspend()  # so that it is not started again
        primary.kill()
        until(lambda: containers.state()["primaries"] == [ADDRESSES[1]] * 3, within_s=120)
        containers.goes_on(300)
        containers.begin("it comes back")
        hosts.write_text(hosts.read_text().replace("gone", "ha_valkey_1"))
        shell.resume()
        containers.goes_on(300)
        log = tmp_path / "ha_valkey_1.log"
        until(lambda: f"the primary is {ADDRESSES[1]} 6379" in log.read_text(), within_s=90)

        containers.begin("a gateway is killed")
        containers.signal("ha_gateway_a", signal.SIGKILL)
        containers.goes_on(600)
        containers.begin("end")
        state = containers.state()
    print(json.dumps(state))
    failed = state["failed"]
    killed, _ = failed.pop("a gateway is killed", (0, []))
    failed.pop("start", None)
    assert failed == {}
    assert killed <= CLIENTS, "what was in flight there, and no more"
    # HAProxy's claim of the load's address, which the gateways believe.
    assert state["clients"] == ["10.88.0.1, 10.88.0.2"]
