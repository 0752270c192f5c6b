"""compose.yaml, checked with the Compose schema and with the contract's rules for containers."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from discovery.announcing.registrar import DRAINED_WITHIN_S
from discovery.model.instance import parse_registration
from gateway.config.settings import load_settings
from gateway.process.draining import ENDS_WITHIN_S
from gateway.stack.changes.variables import defaults_of
from gateway.stack.registry.server import SERVERS
from services.catalogue import MODULES, find
from services.host_ports import targets_of
from tests.support.containers import ROOT, compose, compose_environment, dockerfile, interpolated
from tests.support.documents import blocks, rows_of

#: Those of every start; the profile `ha` is in test_compose_ha.py.
SERVICES = {name: one for name, one in compose()["services"].items() if "profiles" not in one}
OURS = {"api_gateway", *MODULES}
#: The services that run our image.
BUILT = OURS | {"host_ports"}
PORTS = {
    "api_gateway": 8080,
    "market_data_service": 8000,
    "market_analyzer_service": 8001,
    "price_service": 8002,
    "signal_service": 8003,
    "notification_service": 8004,
}


def seconds(text: str) -> float:
    assert text.endswith("s")
    return float(text.removesuffix("s"))


def check_schema(path: Path) -> subprocess.CompletedProcess[str]:
    schema = ["--builtin-schema", "vendor.compose-spec"]
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *schema, str(path)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_is_valid_by_the_compose_schema() -> None:
    checked = check_schema(ROOT / "compose.yaml")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_what_the_schema_does_not_know_would_be_found(tmp_path: Path) -> None:
    text = (ROOT / "compose.yaml").read_text()
    broken = tmp_path / "compose.yaml"
    broken.write_text(text.replace("stop_grace_period", "stop_grace", 1))
    assert check_schema(broken).returncode == 1


@pytest.mark.parametrize(
    "text",
    [block.text for block in blocks("docs/containers.md", "yaml")],
    ids=lambda text: text[:20],
)
def test_the_blocks_of_the_document_are_valid_too(text: str, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(text)
    checked = check_schema(tmp_path / "compose.yaml")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_project_of_ones_own_joins_the_network_and_knows_the_registry() -> None:
    text = blocks("docs/containers.md", "yaml")[1].text
    project: dict[str, Any] = YAML(typ="safe").load(text)
    (service,) = project["services"].values()
    (network,) = [name for name, one in project["networks"].items() if one]
    assert project["networks"][network] == {"external": True}
    assert network == compose()["networks"]["default"]["name"]
    assert network in service["networks"]
    assert service["environment"]["REDIS_URL"] == compose_environment("api_gateway")["REDIS_URL"]
    assert "ports" not in service


def test_docker_compose_understands_it_where_there_is_one() -> None:
    docker = shutil.which("docker")
    if (
        docker is None
        or subprocess.run([docker, "compose", "version"], capture_output=True).returncode
    ):
        pytest.skip("no docker compose here")
    told = subprocess.run(
        [docker, "compose", "--file", str(ROOT / "compose.yaml"), "config", "--quiet"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr


def test_it_has_the_registry_the_gateway_and_every_service_there_is() -> None:
    assert set(SERVICES) == {"registry", "host_ports", *OURS}


def test_the_ports_of_the_contract_are_published_and_the_registrys_is_not() -> None:
    published = {
        name: [port.split(":")[-2:] for port in service.get("ports", ())]
        for name, service in SERVICES.items()
    }
    assert published == {
        "registry": [],
        "api_gateway": [["8080", "8080"]],
        "host_ports": [[str(port), str(port)] for port in sorted(PORTS.values()) if port != 8080],
        **{name: [] for name in MODULES},
    }


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_service_can_have_many_containers(name: str) -> None:
    """`--scale price_service=3` failed, because only one container can have a host port or a name."""
    service = SERVICES[name]
    assert not service.keys() & {"ports", "container_name", "hostname", "network_mode"}
    assert compose_environment(name)["ADVERTISE_OWN_ADDRESS"] == "1"
    find(name).settings.model_validate(  # type: ignore[union-attr]
        {key.lower(): value for key, value in compose_environment(name, {}).items()}
    )


def test_each_port_of_the_host_is_passed_on_to_the_service_that_has_it() -> None:
    command = SERVICES["host_ports"]["command"]
    assert command[:3] == ["python", "-m", "services.host_ports"]
    assert {name: port for port, name in targets_of(command[3:])} == {
        name: port for name, port in PORTS.items() if name != "api_gateway"
    }
    assert int(compose_environment("host_ports")["SERVICE_PORT"]) in PORTS.values()


def test_each_variable_of_the_readme_reaches_its_container_or_is_said_not_to() -> None:
    comment = (ROOT / "compose.yaml").read_text().partition("\nname:")[0].replace("\n# ", " ")
    not_passed = set(re.findall(r"[A-Z][A-Z_]+_[A-Z]+", comment))
    fixed_or_passed = {name: set(SERVICES[name]["environment"]) for name in OURS}
    settings = {
        name for names, *_ in rows_of("README.md", "Configuration") for name in names.split(", ")
    }
    of_containers = {
        (name, variable)
        for name in OURS
        for variable in settings.intersection(defaults_of(name))
        if variable not in fixed_or_passed[name] | not_passed
    }
    assert of_containers == set()
    assert not_passed <= settings
    assert settings <= not_passed | set().union(*fixed_or_passed.values())


def test_the_document_names_the_variables_that_are_not_passed_too() -> None:
    comment = (ROOT / "compose.yaml").read_text().partition("\nname:")[0]
    rows = rows_of("docs/containers.md", "Settings")
    written = {name for names, _ in rows for name in names.split(", ")}
    assert written == set(re.findall(r"[A-Z][A-Z_]+_[A-Z]+", comment))


def test_its_network_has_a_name_that_other_projects_can_join() -> None:
    assert compose()["networks"]["default"] == {"name": "lockgate"}
    assert not any("networks" in service for service in SERVICES.values())


def test_nothing_but_the_gateway_is_open_to_other_machines() -> None:
    open_to_all = {
        name
        for name, service in SERVICES.items()
        if any(port.count(":") == 1 for port in service.get("ports", ()))
    }
    assert open_to_all == {"api_gateway"}
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["host_ports"]["ports"])


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_service_runs_under_its_own_name_and_listens_where_it_is_published(name: str) -> None:
    assert SERVICES[name]["command"] == ["python", "-m", "services", name]
    environment = compose_environment(name)
    service = find(name)
    assert service is not None
    assert int(environment["SERVICE_PORT"]) == PORTS[name]
    assert service.settings.model_fields["service_port"].default == PORTS[name]


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_service_registers_the_name_by_which_containers_reach_it(name: str) -> None:
    environment = compose_environment(name)
    assert environment["ADVERTISE_HOST"] == name
    instance = parse_registration(
        name,
        "i1",
        {
            "host": environment["ADVERTISE_HOST"],
            "port": int(environment["SERVICE_PORT"]),
            "health_check_url": "/health",
        },
    )
    assert instance.health_check_url == f"http://{name}:{PORTS[name]}/health"


def test_the_gateway_waits_for_the_registry_to_be_healthy_and_brings_the_services() -> None:
    conditions = {
        name: need["condition"] for name, need in SERVICES["api_gateway"]["depends_on"].items()
    }
    assert conditions == {
        "registry": "service_healthy",
        **dict.fromkeys(MODULES, "service_started"),
    }


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_service_waits_for_the_registry_to_be_healthy(name: str) -> None:
    assert SERVICES[name]["depends_on"] == {"registry": {"condition": "service_healthy"}}


def test_everything_finds_the_registry_by_its_name_there() -> None:
    assert {compose_environment(name)["REDIS_URL"] for name in OURS} == {"redis://registry:6379/0"}


def test_the_admin_token_comes_from_outside_and_only_the_gateway_gets_it() -> None:
    outside = {"ADMIN_TOKEN": "secret"}
    assert compose_environment("api_gateway", outside)["ADMIN_TOKEN"] == "secret"
    assert "ADMIN_TOKEN" not in compose_environment("api_gateway", {})
    assert not any("ADMIN_TOKEN" in compose_environment(name, outside) for name in MODULES)


def test_what_passes_through_is_understood_by_the_gateway() -> None:
    variables = SERVICES["api_gateway"]["environment"]
    passed = {name for name, value in variables.items() if value is None}
    plausible = {"CORS_ORIGINS": "*", "LOG_LEVEL": "debug", "LOG_FORMAT": "console"}
    plausible |= {"ADMIN_TOKEN": "a-token-of-many-characters"}
    plausible |= {"TRUSTED_PROXIES": "10.0.0.0/8", "INSTANCE_TTL": "9", "HEARTBEAT_INTERVAL": "3"}
    plausible |= {"REGISTRY_ALLOWED_HOSTS": "10.0.0.0/8", "ADMIN_LISTEN": "0.0.0.0:9090"}
    plausible |= {
        "GATEWAY_URL": "http://gateway.example",
        "GATEWAY_WORKERS": "1",
        "START_WITHOUT_REGISTRY": "wait",
    }
    plausible |= {"MAX_REQUEST_HEAD_BYTES": "9000", "MAX_RESPONSE_HEAD_BYTES": "9000"}
    plausible |= {"UPSTREAM_TOTAL_TIMEOUT": "60"}
    outside = {name: plausible.get(name, "7") for name in passed}
    environment = compose_environment("api_gateway", outside)
    assert load_settings(environment) != load_settings(compose_environment("api_gateway", {}))
    known = {name.upper() for name in type(load_settings({})).model_fields}
    known |= {"REDIS_URL", "REGISTRY_NAMESPACE", "HEARTBEAT_INTERVAL", "INSTANCE_TTL"}
    assert set(variables) <= known


@pytest.mark.parametrize("name", sorted(OURS))
def test_nothing_is_killed_before_its_grace_is_over(name: str) -> None:
    grace_s = float(compose_environment(name)["SHUTDOWN_GRACE"])
    assert seconds(SERVICES[name]["stop_grace_period"]) > grace_s + DRAINED_WITHIN_S


def test_tunnels_end_by_a_fin_before_the_gateway_is_killed() -> None:
    grace_s = float(compose_environment("api_gateway")["TUNNEL_GRACE"])
    assert seconds(SERVICES["api_gateway"]["stop_grace_period"]) > grace_s + ENDS_WITHIN_S


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_everything_comes_back_after_a_crash(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", sorted(BUILT))
def test_what_is_ours_is_one_image_without_rights_that_it_does_not_need(name: str) -> None:
    service = SERVICES[name]
    assert service["build"] == "."
    assert "image" not in service, "two builds at once can't write one tag"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "user" not in service
    assert "privileged" not in service


def test_a_folder_with_a_configuration_file_is_mounted_where_one_is_named() -> None:
    def mounted(**outside: str) -> tuple[str, str, str | None]:
        (volume,) = SERVICES["api_gateway"]["volumes"]
        source, target, mode = interpolated(volume, outside).split(":")
        assert mode == "ro"
        return source, target, compose_environment("api_gateway", outside)["GATEWAY_CONFIG"] or None

    assert mounted(LOCKGATE_CONFIG="./shop") == (
        "./shop",
        "/etc/lockgate",
        "/etc/lockgate/lockgate.yaml",
    )
    # Else a volume that stays empty: a folder of the host would be made where there is none.
    assert mounted() == ("no-configuration", "/etc/lockgate", None)
    assert "no-configuration" in compose()["volumes"]
    assert load_settings(compose_environment("api_gateway", {})).gateway_config is None


def test_the_registry_keeps_its_data_in_a_volume_and_forgets_nothing() -> None:
    registry: dict[str, Any] = SERVICES["registry"]
    assert registry["image"].startswith("valkey/valkey:")
    assert registry["volumes"] == ["registry-data:/data"]
    assert "registry-data" in compose()["volumes"]
    program, *options = registry["command"]
    assert program in SERVERS
    settings = dict(zip(options[::2], options[1::2], strict=True))
    assert settings["--appendonly"] == "yes"
    assert settings["--maxmemory-policy"] == "noeviction"
    assert registry["healthcheck"]["test"] == ["CMD", "valkey-cli", "-e", "ping"]


def test_the_image_listens_to_everybody_stops_on_sigterm_and_is_nobody() -> None:
    build, final = dockerfile()
    assert re.fullmatch(r"debian:trixie-slim@sha256:[0-9a-f]{64} AS build", build.base)
    assert final.base == "scratch"
    assert final.one("STOPSIGNAL") == "SIGTERM"
    assert int(final.one("USER").partition(":")[0]) > 0
    assert final.command == ["python", "-m", "gateway"]
    environment = final.environment({"PATH": "/bin"})
    assert (environment["GATEWAY_HOST"], environment["GATEWAY_PORT"]) == ("0.0.0.0", "8080")
    assert environment["SERVICE_HOST"] == "0.0.0.0"
    assert final.one("EXPOSE") == "8080 8000-8004"
    assert final.all("RUN") == [], "what builds stays in the first stage"
