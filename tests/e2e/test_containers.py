"""What the image and compose.yaml do, done without an engine: installed, started, asked and stopped."""

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.stack.ports import answers
from services.catalogue import MODULES
from tests.support.containers import (
    ROOT,
    compose,
    compose_environment,
    copy_build_context,
    dockerfile,
)
from tests.support.registry_servers import RegistryServer, free_port
from tests.support.stack_stand_ins import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

# `python` and `pip` of the build stage are those that run the tests.
OUTSIDE_PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


@contextmanager
def container(
    command: list[str], environment: Mapping[str, str], log: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process with nothing but this environment, its output in `log`; killed at the end."""
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
    """Wait until something listens; fails at once, with its last words, when the process has ended."""

    def listens() -> bool:
        assert process.poll() is None, log.read_text()
        return answers(port)

    until(listens, within_s=60)


def passes(health_check: list[str], environment: Mapping[str, str], cwd: Path) -> bool:
    finished = subprocess.run(
        health_check, env=environment, cwd=cwd, capture_output=True, check=False
    )
    return finished.returncode == 0


def answer(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
        return json.loads(response.read())


def run_as_in_the_build(line: str, folder: Path) -> None:
    """A RUN line of the build stage, its absolute paths moved below `folder`."""
    for path in ("/wheels", "/opt/lockgate"):
        line = line.replace(path, str(folder / path.lstrip("/")))
    finished = subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=folder / dockerfile()[0].one("WORKDIR").lstrip("/"),
        # What would be compiled is started once.
        env={**os.environ, "PATH": OUTSIDE_PATH, "PIP_NO_COMPILE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, f"{line}\n{finished.stdout}{finished.stderr}"


@pytest.fixture(scope="module")
def built(package_index: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the build stage has made the wheel, by its first RUN line."""
    folder, stage = tmp_path_factory.mktemp("image"), dockerfile()[0]
    copy_build_context(folder / stage.one("WORKDIR").lstrip("/"))
    run_as_in_the_build(stage.run_commands[0], folder)
    return folder


@pytest.mark.xdist_group("packages")
def test_the_image_installs_starts_is_healthy_and_stops_on_sigterm(
    built: Path, tmp_path: Path, own_registry: RegistryServer
) -> None:
    for line in dockerfile()[0].run_commands[1:]:
        run_as_in_the_build(line, built)
    final = dockerfile()[1]
    assert final.one("COPY") == "--from=build /opt/lockgate /opt/lockgate"
    port = free_port()
    environment = final.environment({"PATH": "/usr/bin:/bin"})
    environment["PATH"] = environment["PATH"].replace("/opt", f"{built}/opt")
    environment |= {"GATEWAY_PORT": str(port), "REDIS_URL": own_registry.url}
    python = shutil.which("python", path=environment["PATH"])
    assert python == str(built / "opt/lockgate/bin/python")
    assert not passes(final.health_check, environment, tmp_path), "nothing runs yet"
    with container(final.command, environment, tmp_path / "log") as process:
        comes_up(process, port, tmp_path / "log")
        assert passes(final.health_check, environment, tmp_path)
        assert answer(port, "/services") == {"count": 0, "services": []}
        process.send_signal(signal.Signals[final.one("STOPSIGNAL")])
        assert process.wait(timeout=15) == 0, (tmp_path / "log").read_text()


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
        # It asks the analyzer and the price by their names, and they ask market data.
        assert answer(gateway, "/api/signal/signals/BTCUSDT")["symbol"] == "BTCUSDT"
        for process in started.values():
            process.terminate()
        assert {name: process.wait(timeout=15) for name, process in started.items()} == (
            dict.fromkeys(containers, 0)
        )


def healthy_services(gateway: int) -> set[str]:
    services = answer(gateway, "/services")["services"]
    return {service["name"] for service in services if service["healthy"]}


def with_hosts_file(folder: Path) -> list[str]:
    """What runs a command where the names of the containers are known, as an engine sees to it."""
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
    """A container's environment, with free ports in place of its own."""
    environment = dockerfile()[1].environment({"PATH": OUTSIDE_PATH})
    environment |= compose_environment(name, {})
    port = "GATEWAY_PORT" if name == "api_gateway" else "SERVICE_PORT"
    assert environment[port]
    url = environment["REDIS_URL"].replace(":6379/", f":{registry.port}/")
    return environment | {port: str(free_port()), "REDIS_URL": url, "PYTHONPATH": str(ROOT)}
