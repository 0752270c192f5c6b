"""The registry of deploy/kubernetes without a cluster: its pods' commands and variables, an address for each."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support import registry_commands
from tests.support.container_network import Program, container_network
from tests.support.containers import ROOT, dockerfile
from tests.support.documents import blocks
from tests.support.manifests import pods
from tests.support.manifests.building import KUBERNETES, Document, build, containers, each, named
from tests.support.stack_stand_ins import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
SCRIPTS = KUBERNETES / "registry"
#: The last number of the address of each pod, or of its Service.
NUMBERS = {"valkey-0": 5, "valkey-1": 6, "sentinel-0": 7, "sentinel-1": 8, "sentinel-2": 9}
SECRETS = {
    "LOCKGATE_OPERATOR_PASSWORD": "the-operators",
    "LOCKGATE_GATEWAY_PASSWORD": "the-gateways",
    "LOCKGATE_SERVICE_PASSWORD": "the-services",
}


def filled(text: str) -> str:
    """As a shell and `envsubst` put the passwords in."""
    return re.sub(r"\$\{?(LOCKGATE_\w+)\}?", lambda found: SECRETS[found[1]], text)


def gateway_url() -> str:
    (text,) = [
        block.text
        for block in blocks("docs/kubernetes.md", "sh")
        if block.heading == "With Sentinel"
    ]
    sentinels, url = (
        re.search(r"^sentinels=(\S+)$", text, re.MULTILINE),
        re.search(r'gateway-url="(\S+)"', text),
    )
    assert sentinels is not None
    assert url is not None
    return filled(url[1].replace("$sentinels", sentinels[1]))


def pod(folder: Path, documents: list[Document], name: str) -> Program:
    """A pod's container; its data are in the folder."""
    workload = named(documents, "StatefulSet", name.partition("-")[0])
    (container,) = containers(workload)
    known = {"NAME": name, "VALKEY_PASSWORD": SECRETS["LOCKGATE_OPERATOR_PASSWORD"]}
    environment = {
        key: known[key] if value is None else value
        for key, value in pods.variables(documents, workload).items()
    }
    environment |= {"PATH": f"{folder}/bin{os.pathsep}{PATH}", "DATA": str(folder / name)}
    if "ACL_FILE" in environment:
        environment["ACL_FILE"] = str(folder / "registry.acl")
    return Program(NUMBERS[name], here(container["command"]), environment, folder / f"{name}.log")


def here(command: list[str]) -> list[str]:
    return [word.replace("/scripts", str(SCRIPTS)) for word in command]


def programs(folder: Path, documents: list[Document]) -> Iterator[Program]:
    """The pods of the registry, what the first one runs before it stops, and a gateway."""
    for name in NUMBERS:
        (folder / name).mkdir()
        yield pod(folder, documents, name)
    first = pod(folder, documents, "valkey-0")
    (container,) = containers(named(documents, "StatefulSet", "valkey"))
    (before_stop,) = each(container["lifecycle"], "command")
    wait = 'until [ -e "$0" ]; do sleep 0.1; done; "$@"; echo "exit status $?"'
    command = ["/bin/sh", "-c", wait, str(folder / "stop"), *here(before_stop)]
    yield Program(NUMBERS["valkey-0"], command, first.environment, folder / "stop.log")
    image = dockerfile()[1].environment({"PATH": PATH}) | {"PYTHONPATH": str(ROOT)}
    environment = image | {"REDIS_URL": gateway_url()}
    yield Program(1, dockerfile()[1].command, environment, folder / "gateway.log")


def test_a_primary_that_stops_has_its_replica_promoted_before_and_the_gateway_follows(
    tmp_path: Path,
) -> None:
    documents = build(KUBERNETES / "overlays/sentinel")
    registry_commands.install(tmp_path / "bin")
    (tmp_path / "registry.acl").write_text(filled((ROOT / "deploy/registry.acl").read_text()))
    names = {f"10.88.0.{number}": name for name, number in NUMBERS.items() if "valkey" in name}
    names |= {f"10.88.0.{NUMBERS[f'sentinel-{n}']}": f"sentinel-{n}.sentinel" for n in range(3)}

    def says(name: str, text: str, times: int = 1) -> bool:
        log = tmp_path / f"{name}.log"
        return log.exists() and log.read_text().count(text) >= times

    with ExitStack() as running:
        network = container_network(tmp_path, list(programs(tmp_path, documents)), names)
        try:
            running.enter_context(network)
        except OSError as error:
            pytest.skip(f"this system allows no namespaces of networks: {error}")
        until(lambda: says("gateway", '"registry.connected"'), within_s=90)
        for sentinel in ("sentinel-0", "sentinel-1", "sentinel-2"):
            until(lambda name=sentinel: says(name, "+slave slave 10.88.0.6:6379"), within_s=90)
            until(lambda name=sentinel: says(name, "+sentinel sentinel", 2), within_s=90)
        (tmp_path / "stop").touch()
        until(lambda: says("stop", "exit status 0"), within_s=90)
        assert says("valkey-1", "MASTER MODE enabled")
        assert not says("valkey-0", "10.88.0.6:6379 enabled"), "it did not wait for long"
        until(lambda: says("valkey-0", "10.88.0.6:6379 enabled"), within_s=90)
        # It reads everything anew at the new primary, with the rights of its own user.
        until(lambda: says("gateway", '"registry.connected"', 2), within_s=90)
