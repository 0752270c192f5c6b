"""The profile `ha` of compose.yaml: two gateways behind HAProxy, Valkey with Sentinel, two of each service."""

import ipaddress
import re
import shutil
import subprocess
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from discovery.announcing.advertising import OWN_ADDRESS
from discovery.model.settings import RegistrySettings
from gateway.config.settings import load_settings
from services.catalogue import MODULES
from tests.support.containers import ROOT, compose, compose_environment
from tests.support.registry_servers import free_port
from tests.support.stack_stand_ins import until

ALL: dict[str, Any] = compose()["services"]
HA = {name: one for name, one in ALL.items() if "profiles" in one}
GATEWAYS = ["ha_gateway_a", "ha_gateway_b"]
VALKEYS = ["ha_valkey_1", "ha_valkey_2"]
SENTINELS = ["ha_sentinel_1", "ha_sentinel_2", "ha_sentinel_3"]
COPIES = [f"ha_{name}" for name in MODULES]
CONFIG = ROOT / "deploy/haproxy.cfg"


def test_it_has_its_own_of_everything() -> None:
    assert set(HA) == {"haproxy", *GATEWAYS, *VALKEYS, *SENTINELS, *COPIES}
    assert all(one["profiles"] == ["ha"] for one in HA.values())


def test_nothing_of_it_needs_the_default_stack_and_the_other_way_round() -> None:
    for name, one in ALL.items():
        needs = set(one.get("depends_on", ()))
        assert needs <= set(HA) if name in HA else needs.isdisjoint(HA), name


def test_haproxy_alone_has_a_port_of_the_host_and_another_one_than_the_default_gateway() -> None:
    published = {name: one["ports"] for name, one in HA.items() if "ports" in one}
    assert published == {"haproxy": ["8090:8080"]}
    assert "8080:8080" in ALL["api_gateway"]["ports"]


def brought(name: str) -> set[str]:
    """What `docker compose up NAME` starts."""
    return {name}.union(*(brought(need) for need in HA[name].get("depends_on", ())))


def test_haproxy_brings_everything() -> None:
    assert brought("haproxy") == set(HA)


@pytest.mark.parametrize("name", [*GATEWAYS, *COPIES])
def test_everything_knows_the_three_sentinels_and_what_they_call_the_registry(name: str) -> None:
    url = compose_environment(name, {})["REDIS_URL"]
    RegistrySettings(url)
    hosts, _, group = url.removeprefix("redis+sentinel://").partition("/")
    assert hosts.split(",") == [f"{sentinel}:26379" for sentinel in SENTINELS]
    for server in [*VALKEYS, *SENTINELS]:
        environment = compose_environment(server, {})
        assert environment["SENTINELS"].split() == hosts.split(",")
        assert environment["GROUP"] == group
        assert environment["FIRST"] == address(VALKEYS[0])
        assert environment["NAME"] == (address(server) if server in VALKEYS else server)


def address(name: str) -> str:
    found: str = HA[name]["networks"]["ha"]["ipv4_address"]
    return found


def test_no_other_container_can_have_the_address_of_a_server() -> None:
    (config,) = compose()["networks"]["ha"]["ipam"]["config"]
    for name in VALKEYS:
        own = ipaddress.ip_address(address(name))
        assert own in ipaddress.ip_network(config["subnet"])
        assert own not in ipaddress.ip_network(config["ip_range"])
    networks = {name: set(one["networks"]) for name, one in HA.items()}
    assert {name for name, of_it in networks.items() if "ha" not in of_it} == {"haproxy"}


def test_a_container_that_is_no_gateway_or_service_differs_in_nothing_but_what_it_must() -> None:
    """What the default stack says of a service is said of its copy too."""
    for name in MODULES:
        plain, copy = ALL[name], ALL[f"ha_{name}"]
        assert copy["command"] == plain["command"]
        own = {"REDIS_URL": copy["environment"]["REDIS_URL"]}
        assert copy["environment"] == plain["environment"] | own
        assert copy["environment"][OWN_ADDRESS]
        assert copy["deploy"] == {"replicas": 2}
    plain = ALL["api_gateway"]["environment"]
    for name in GATEWAYS:
        own = {key: ALL[name]["environment"][key] for key in ("REDIS_URL", "GATEWAY_URL")}
        own["TRUSTED_PROXIES"] = ALL[name]["environment"]["TRUSTED_PROXIES"]
        assert ALL[name]["environment"] == plain | own


def test_gateways_believe_the_network_in_which_haproxy_and_they_are_alone() -> None:
    (config,) = compose()["networks"]["front"]["ipam"]["config"]
    there = {name for name, one in ALL.items() if "front" in one.get("networks", ())}
    assert there == {"haproxy", *GATEWAYS}
    assert HA["haproxy"]["networks"] == ["front"]
    for name in GATEWAYS:
        environment = compose_environment(name, {})
        assert environment["TRUSTED_PROXIES"] == config["subnet"]
        assert load_settings(environment).trusted_proxies == config["subnet"]


def test_haproxy_asks_both_gateways_where_they_listen() -> None:
    environment = compose_environment("haproxy", {})
    assert sorted(environment.values()) == [f"{name}:8080" for name in GATEWAYS]
    assert set(re.findall(r"\$\{(\w+)\}", CONFIG.read_text())) == set(environment)
    assert any(volume.startswith("./deploy/haproxy.cfg:") for volume in HA["haproxy"]["volumes"])


@pytest.mark.parametrize("name", [*VALKEYS, *SENTINELS, "haproxy"])
def test_the_servers_may_do_nothing_to_the_host(name: str) -> None:
    one = HA[name]
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert not re.search(r":latest$|^[^:]+$", one["image"])


def test_what_they_mount_is_there() -> None:
    for name, one in HA.items():
        for volume in one.get("volumes", ()):
            source = volume.partition(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).exists(), name
            elif not source.startswith("$"):
                assert source in compose()["volumes"], name
    for name in [*VALKEYS, *SENTINELS]:
        script = HA[name]["entrypoint"][-1].removeprefix("/scripts/")
        assert (ROOT / "deploy/kubernetes/registry" / script).exists()


def test_each_primary_keeps_its_own_data() -> None:
    volumes = [HA[name]["volumes"][0] for name in VALKEYS]
    assert volumes == ["ha-valkey-1:/data", "ha-valkey-2:/data"]


def test_streams_end_before_the_engine_kills_haproxy() -> None:
    found = re.search(r"hard-stop-after (\d+)s", CONFIG.read_text())
    assert found is not None
    assert float(HA["haproxy"]["stop_grace_period"].removesuffix("s")) > float(found[1])
    assert HA["haproxy"]["stop_signal"] == "SIGUSR1", "SIGTERM ends it at once"


def test_a_gateway_takes_requests_until_haproxy_has_noticed() -> None:
    found = re.search(r"check inter (\d+)ms .*fall 1\b", CONFIG.read_text())
    assert found is not None
    grace_s = float(compose_environment(GATEWAYS[0], {})["SHUTDOWN_GRACE"])
    assert int(found[1]) / 1000 + 1 < grace_s / 2


def test_haproxy_understands_its_configuration(tmp_path: Path) -> None:
    haproxy = shutil.which("haproxy")
    if haproxy is None:
        pytest.skip("no haproxy here")
    environment = {"GATEWAY_A": "127.0.0.1:8081", "GATEWAY_B": "127.0.0.1:8082"}
    command = [haproxy, "-c", "-f", str(CONFIG)]
    checked = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    broken = tmp_path / "haproxy.cfg"
    broken.write_text(CONFIG.read_text().replace("option httpchk", "option httpcheck"))
    command[-1] = str(broken)
    assert subprocess.run(command, env=environment, capture_output=True, check=False).returncode


class Busy(BaseHTTPRequestHandler):
    """A gateway that answers its checks more slowly than they come."""

    answered = 0

    def do_GET(self) -> None:
        if self.path == "/ready":
            threading.Event().wait(0.8)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
        Busy.answered += self.path == "/ready"

    def log_message(self, *_: Any) -> None:
        """Nothing is logged."""


def test_a_gateway_that_is_busy_for_a_moment_gets_requests_all_the_same(tmp_path: Path) -> None:
    haproxy = shutil.which("haproxy")
    if haproxy is None:
        pytest.skip("no haproxy here")
    port = free_port()
    config = tmp_path / "haproxy.cfg"
    config.write_text(CONFIG.read_text().replace("bind :8080", f"bind 127.0.0.1:{port}"))
    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
        gateway = f"127.0.0.1:{server.server_address[1]}"
        process = subprocess.Popen(
            [haproxy, "-db", "-f", str(config)],
            env={"GATEWAY_A": gateway, "GATEWAY_B": gateway},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            # HAProxy takes a gateway for ready until a check has failed.
            until(lambda: Busy.answered >= 3, within_s=60)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
                assert answer.status == 200
        finally:
            process.kill()
            process.wait()
            server.shutdown()
