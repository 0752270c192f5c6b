"""Follows compose.yaml without an engine, with the programs of this checkout; test_image.py has the image."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from gateway.machine.ports import answers
from gateway.stack.registry.server import own_binary
from services.catalogue import MODULES
from tests.support.container_network import Program, container_network
from tests.support.containers import (
    ROOT,
    compose,
    compose_environment,
    dockerfile,
    list_form,
)
from tests.support.documents import blocks
from tests.support.registry_servers import RegistryServer, free_port
from tests.support.stack_stand_ins import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

# The `python` of the containers is that of the tests.
OUTSIDE_PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


@contextmanager
def container(
    command: list[str], environment: Mapping[str, str], log: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process with only this environment and its output in `log`; killed at the end."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, cwd=log.parent, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def comes_up(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    """Wait until something listens; fail at once, with its last output, if the process has ended."""

    def listens() -> bool:
        assert process.poll() is None, log.read_text()
        return answers(port)

    until(listens, within_s=60)


def passes(health_check: list[str], environment: Mapping[str, str], cwd: Path) -> bool:
    finished = subprocess.run(
        health_check, env=environment, cwd=cwd, capture_output=True, check=False
    )
    return finished.returncode == 0


def answer(port: int, path: str, host: str = "127.0.0.1") -> Any:
    with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=5) as response:
        return json.loads(response.read())


def test_the_containers_find_each_other_by_the_names_in_the_compose_file(
    tmp_path: Path, own_registry: RegistryServer
) -> None:
    inside = with_hosts_file(tmp_path)
    final = dockerfile()[1]
    containers = {name: environment_of(name, own_registry) for name in ["api_gateway", *MODULES]}
    gateway = int(containers["api_gateway"]["GATEWAY_PORT"])
    with ExitStack() as running:
        started = {}
        for name, environment in containers.items():
            command = [*inside, *compose()["services"][name].get("command", final.command)]
            started[name] = running.enter_context(
                container(command, environment, tmp_path / f"{name}.log")
            )
        for name, environment in containers.items():
            port = int(environment.get("SERVICE_PORT") or environment["GATEWAY_PORT"])
            comes_up(started[name], port, tmp_path / f"{name}.log")
            assert passes(final.health_check, environment, tmp_path)

        until(lambda: healthy_services(gateway) == set(MODULES), within_s=60)
        for service in answer(gateway, "/services")["services"]:
            (instance,) = service["instances"]
            own_port = containers[service["name"]]["SERVICE_PORT"]
            assert instance["url"] == f"http://{service['name']}:{own_port}"
            assert answer(gateway, f"{service['route']}/health")["service"] == service["name"]
        # The services have these ports at 127.0.0.1, so another address stands for the host's.
        targets = host_ports_with(containers)
        command = [*inside, *compose()["services"]["host_ports"]["command"][:3], *targets]
        environment = compose_environment("host_ports", {}) | {"SERVICE_HOST": "127.0.0.2"}
        environment |= {"PATH": OUTSIDE_PATH, "PYTHONPATH": str(ROOT)}
        log = tmp_path / "host_ports.log"
        started["host_ports"] = running.enter_context(container(command, environment, log))
        until(lambda: is_open(started["host_ports"], log), within_s=60)
        for target in targets:
            own_port, _, name = target.partition(":")
            assert answer(int(own_port), "/health", "127.0.0.2")["service"] == name
        # It asks the analyzer and the price service by name, and they ask market data.
        assert answer(gateway, "/api/signal/signals/BTCUSDT")["symbol"] == "BTCUSDT"
        for process in started.values():
            process.terminate()
        assert {name: process.wait(timeout=15) for name, process in started.items()} == (
            dict.fromkeys(started, 0)
        )


def is_open(host_ports: "subprocess.Popen[bytes]", log: Path) -> bool:
    assert host_ports.poll() is None, log.read_text()
    return "ports.open" in log.read_text()


def test_three_containers_of_a_service_each_register_the_address_that_they_alone_have(
    tmp_path: Path,
) -> None:
    """All three registered the name `price_service`, so that a probe of one reached any of them."""
    server, admin = own_binary(), tmp_path / "admin.sock"
    if server is None:
        pytest.skip("there is no registry server: install the extra `embedded`")
    registry = [server[0], "--bind", "10.88.0.1", "--protected-mode", "no", "--save", ""]
    image = dockerfile()[1].environment({"PATH": OUTSIDE_PATH}) | {"PYTHONPATH": str(ROOT)}
    # As with an engine, only the variables of the image and of the compose file.
    gateway = image | compose_environment("api_gateway", {"ADMIN_LISTEN": f"unix:{admin}"})
    price = image | compose_environment("price_service", {})
    command = compose()["services"]["price_service"]["command"]
    programs = [
        Program(1, registry, {}, tmp_path / "registry.log"),
        Program(1, dockerfile()[1].command, gateway, tmp_path / "gateway.log"),
        *(Program(n, command, price, tmp_path / f"price-{n}.log") for n in (2, 3, 4)),
    ]

    def healthy() -> set[str]:
        services = []
        with suppress(OSError):  # it may not listen yet
            services = asked_at(admin, "/services").get("services", [])
        instances = [one for service in services for one in service["instances"]]
        return {one["url"] for one in instances if one["status"] == "healthy"}

    with ExitStack() as running:
        try:
            running.enter_context(container_network(tmp_path, programs))
        except OSError as error:
            pytest.skip(f"this system allows no namespaces of networks: {error}")
        until(lambda: len(healthy()) == 3, within_s=90)

        assert healthy() == {f"http://10.88.0.{number}:8002" for number in (2, 3, 4)}


def asked_at(path: Path, target: str) -> Any:
    """The JSON answer of a server at a socket file."""
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.settimeout(5)
    with closing(connection):
        connection.sock.connect(str(path))
        connection.request("GET", target)
        return json.loads(connection.getresponse().read())


def host_ports_with(containers: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The targets of the compose file, with the services' ports in this test."""
    targets = compose()["services"]["host_ports"]["command"][3:]
    names = [target.partition(":")[2] for target in targets]
    return [f"{containers[name]['SERVICE_PORT']}:{name}" for name in names]


def test_the_project_of_ones_own_in_the_document_is_routed_to(
    tmp_path: Path, own_registry: RegistryServer
) -> None:
    inside = with_hosts_file(tmp_path)
    project = YAML(typ="safe").load(blocks("docs/containers.md", "yaml")[1].text)
    (service,) = project["services"].values()
    (cmd,) = [
        line.removeprefix("CMD ")
        for line in blocks("docs/containers.md", "dockerfile")[0].commands
        if line.startswith("CMD ")
    ]
    port = str(free_port())
    command = [port if word == "9000" else word for word in list_form(cmd)]
    url = service["environment"]["REDIS_URL"].replace(":6379/", f":{own_registry.port}/")
    environment = {**service["environment"], "REDIS_URL": url, "PATH": OUTSIDE_PATH}
    gateway = environment_of("api_gateway", own_registry)
    final = dockerfile()[1]
    with (
        container([*inside, *final.command], gateway, tmp_path / "gateway.log") as process,
        container([*inside, *command], environment, tmp_path / "orders.log") as orders,
    ):
        comes_up(process, int(gateway["GATEWAY_PORT"]), tmp_path / "gateway.log")
        until(lambda: "orders" in healthy_services(int(gateway["GATEWAY_PORT"])), within_s=60)
        address = f"http://127.0.0.1:{gateway['GATEWAY_PORT']}/api/orders/"
        with urllib.request.urlopen(address, timeout=5) as response:
            assert b"Directory listing" in response.read()
        orders.terminate()
        assert orders.wait(timeout=15) == 128 + signal.SIGTERM


def healthy_services(gateway: int) -> set[str]:
    services = answer(gateway, "/services")["services"]
    return {service["name"] for service in services if service["healthy"]}


def with_hosts_file(folder: Path) -> list[str]:
    """The words before a command that let it resolve the containers' names, as an engine does."""
    hosts = folder / "hosts"
    hosts.write_text(f"127.0.0.1 localhost registry {' '.join(MODULES)}\n")
    mount = 'mount --bind "$0" /etc/hosts && exec "$@"'
    command = ["unshare", "--mount", "--map-root-user", "/bin/sh", "-c", mount, str(hosts)]
    try:
        subprocess.run([*command, "true"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this system allows no mount namespaces")
    return command


def environment_of(name: str, registry: RegistryServer) -> dict[str, str]:
    """A container's environment, with a free loopback port instead of its own."""
    environment = dockerfile()[1].environment({"PATH": OUTSIDE_PATH})
    environment |= compose_environment(name, {})
    port = "GATEWAY_PORT" if name == "api_gateway" else "SERVICE_PORT"
    assert environment[port]
    url = environment["REDIS_URL"].replace(":6379/", f":{registry.port}/")
    own = {port: str(free_port()), "REDIS_URL": url, "SERVICE_HOST": "127.0.0.1"}
    return environment | own | {"PYTHONPATH": str(ROOT)}
