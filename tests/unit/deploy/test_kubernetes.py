"""deploy/kubernetes: built as `kubectl apply -k` does, and held against the API and against itself."""

import copy
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from discovery.model.settings import RegistrySettings
from gateway.config.settings import load_settings
from services.catalogue import find
from tests.support.documents import ROOT, blocks, rows_of
from tests.support.manifests import pods, references
from tests.support.manifests.building import (
    KUBERNETES,
    Document,
    build,
    containers,
    each,
    named,
    of_kind,
    read,
    template,
    workloads,
)
from tests.support.manifests.schemas import VERSIONS, by_schema

OVERLAYS = sorted(path.name for path in (KUBERNETES / "overlays").iterdir())
#: The heading of docs/kubernetes.md with the commands that make an overlay's Secrets.
SECRETS = {
    "sentinel": "With Sentinel",
    "full": "With Sentinel",
    "managed-redis": "With a managed Redis",
}
METRIC = "gateway_requests_in_flight"

Change = Callable[[list[Document]], Any]


@cache
def _built(overlay: str) -> list[Document]:
    return build(KUBERNETES / "overlays" / overlay)


def built(overlay: str) -> list[Document]:
    return copy.deepcopy(_built(overlay))


def secrets(overlay: str) -> dict[str, set[str]]:
    """The keys of the Secrets that the guide has its readers make."""
    found: dict[str, set[str]] = {}
    for block in blocks("docs/kubernetes.md", "sh"):
        if block.heading in ("Before the first start", SECRETS[overlay]):
            for command in block.text.replace("\\\n", " ").splitlines():
                if made := re.search(r"create secret generic (\S+)", command):
                    found[made[1]] = set(re.findall(r"--from-literal=([\w.-]+)=", command))
    return found


def wrong(documents: list[Document], overlay: str = "full") -> Iterator[str]:
    """All that is wrong by any rule."""
    changed = [one for one in documents if one not in _built(overlay)]
    for version in VERSIONS:
        yield from by_schema(changed, version)
    yield from references.wrong_names(documents, "lockgate")
    yield from references.wrong_selectors(documents)
    yield from references.wrong_ports(documents)
    yield from references.wrong_policies(documents)
    yield from references.wrong_targets(documents)
    yield from references.wrong_mounts(documents, secrets(overlay))
    yield from pods.wrong_rights(documents)
    yield from pods.wrong_resources(documents)
    yield from pods.wrong_images(documents)
    yield from pods.wrong_probes(documents)
    yield from pods.unknown_variables(documents)
    yield from pods.too_short_to_stop(documents)


def test_the_overlays_are_those_of_the_guide() -> None:
    assert set(SECRETS) == set(OVERLAYS)
    guide = (ROOT / "docs/kubernetes.md").read_text()
    assert all(f"deploy/kubernetes/overlays/{overlay}" in guide for overlay in OVERLAYS)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_api_takes(overlay: str, version: str) -> None:
    assert list(by_schema(built(overlay), version)) == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nothing_is_wrong_with(overlay: str) -> None:
    assert list(wrong(built(overlay), overlay)) == []


def gateway(documents: list[Document]) -> Document:
    return named(documents, "Deployment", "gateway")


def container(documents: list[Document]) -> Document:
    (found,) = containers(gateway(documents))
    return found


def pod(documents: list[Document]) -> Document:
    spec: Document = template(gateway(documents))["spec"]
    return spec


def without(documents: list[Document], kind: str, name: str) -> None:
    documents.remove(named(documents, kind, name))


def environment(documents: list[Document]) -> dict[str, str]:
    data: dict[str, str] = named(documents, "ConfigMap", "gateway-settings")["data"]
    return data


#: What is changed in a copy, and the complaint about it.
BROKEN: dict[str, tuple[Change, str]] = {
    "a field with a slip of the pen": (
        lambda them: gateway(them)["spec"].update(minReadySecond=3),
        "minReadySecond",
    ),
    "a field of another type": (
        lambda them: gateway(them)["spec"].update(replicas="three"),
        '"three" is not of type',
    ),
    "a field that only a newer release has": (
        lambda them: pod(them).update(hostnameOverride="gateway"),
        "hostnameOverride",
    ),
    "an API that is gone": (
        lambda them: named(them, "HorizontalPodAutoscaler", "gateway").update(
            apiVersion="autoscaling/v2beta2"
        ),
        "has no autoscaling/v2beta2",
    ),
    "a monitor with an unknown field": (
        lambda them: each_endpoint(them).update(intervall="15s"),
        "'intervall' was unexpected",
    ),
    "a monitor with a duration that is none": (
        lambda them: each_endpoint(them).update(interval="15 seconds"),
        "does not match",
    ),
    "the same document twice": (
        lambda them: them.append(copy.deepcopy(gateway(them))),
        "Deployment/gateway: is there 2 times",
    ),
    "a document in another namespace": (
        lambda them: gateway(them)["metadata"].update(namespace="default"),
        "is not in the namespace lockgate",
    ),
    "a workload that does not select its pods": (
        lambda them: template(gateway(them))["metadata"]["labels"].update(
            {"app.kubernetes.io/name": "gate"}
        ),
        "Deployment/gateway: a selector does not match its own pods",
    ),
    "a spread over other pods": (
        lambda them: pod(them)["topologySpreadConstraints"][0]["labelSelector"].update(
            matchLabels={"app.kubernetes.io/name": "orders"}
        ),
        "Deployment/gateway: a selector does not match its own pods",
    ),
    "a set without its Service": (
        lambda them: without(them, "Service", "valkey"),
        "StatefulSet/valkey: there is no Service valkey",
    ),
    "a Service without pods": (
        lambda them: named(them, "Service", "gateway")["spec"].update(selector={"a": "b"}),
        "Service/gateway: selects no pod",
    ),
    "a Service for a pod that the set does not have": (
        lambda them: named(them, "StatefulSet", "valkey")["spec"].update(replicas=1),
        "Service/valkey-1: selects no pod",
    ),
    "a budget without pods": (
        lambda them: named(them, "PodDisruptionBudget", "gateway")["spec"].update(
            selector={"matchLabels": {"a": "b"}}
        ),
        "PodDisruptionBudget/gateway: selects no pod",
    ),
    "a Service with a port that is not there": (
        lambda them: named(them, "Service", "gateway")["spec"]["ports"][0].update(targetPort="web"),
        "Deployment/gateway has no port web",
    ),
    "a probe with a port that is not there": (
        lambda them: container(them)["livenessProbe"]["httpGet"].update(port="web"),
        "livenessProbe asks port web",
    ),
    "a monitor with a port that is not there": (
        lambda them: each_endpoint(them).update(port="metrics"),
        "no Service that it selects has a port metrics",
    ),
    "no refusal of the rest": (
        lambda them: without(them, "NetworkPolicy", "default-deny"),
        "no NetworkPolicy refuses",
    ),
    "a policy for pods that are not there": (
        lambda them: named(them, "NetworkPolicy", "sentinel")["spec"].update(
            podSelector={"matchLabels": {"app.kubernetes.io/name": "sentinels"}}
        ),
        "NetworkPolicy/sentinel: selects no pod",
    ),
    "a policy that admits pods that are not there": (
        lambda them: named(them, "NetworkPolicy", "services")["spec"]["ingress"][0]["from"][
            0
        ].update(podSelector={"matchLabels": {"app.kubernetes.io/name": "gate"}}),
        "NetworkPolicy/services: {'matchLabels'",
    ),
    "a policy with a port that is not there": (
        lambda them: named(them, "NetworkPolicy", "prometheus")["spec"]["ingress"][0]["ports"][
            0
        ].update(port="metrics"),
        "NetworkPolicy/prometheus: no pod has the port metrics",
    ),
    "rules that are not in force": (
        lambda them: named(them, "NetworkPolicy", "gateway")["spec"].update(
            policyTypes=["Ingress"]
        ),
        "has rules for Egress, which is not in policyTypes",
    ),
    "an autoscaler without a target": (
        lambda them: named(them, "HorizontalPodAutoscaler", "gateway")["spec"][
            "scaleTargetRef"
        ].update(name="gate"),
        "there is no Deployment/gate",
    ),
    "an autoscaler beside a fixed number": (
        lambda them: gateway(them)["spec"].update(replicas=3),
        "Deployment/gateway sets replicas too",
    ),
    "a volume that is not mounted": (
        lambda them: pod(them)["volumes"].append({"name": "more", "emptyDir": {}}),
        "the volume more is only mounted, or only there",
    ),
    "a ConfigMap that is not there": (
        lambda them: without(them, "ConfigMap", "gateway-file"),
        "there is no ConfigMap gateway-file",
    ),
    "a Secret that nobody made": (
        lambda them: next(each(pod(them)["volumes"], "secret")).update(secretName="admin"),
        "there is no Secret admin",
    ),
    "a key that the Secret has not": (
        lambda them: next(each(container(them), "secretKeyRef")).update(key="url"),
        "Secret lockgate-registry has no url",
    ),
    "a pod that may be root": (
        lambda them: pod(them)["securityContext"].update(runAsUser=0),
        "Deployment/gateway: may run as root",
    ),
    "a pod without seccomp": (
        lambda them: pod(them)["securityContext"].pop("seccompProfile"),
        "has no seccomp profile",
    ),
    "a pod with a token of the cluster": (
        lambda them: pod(them).pop("automountServiceAccountToken"),
        "gets a token of the cluster",
    ),
    "a pod that hears of a Service GATEWAY_PORT": (
        lambda them: pod(them).pop("enableServiceLinks"),
        "gets a variable for each Service",
    ),
    "a container that may gain rights": (
        lambda them: container(them)["securityContext"].update(allowPrivilegeEscalation=True),
        "may gain rights",
    ),
    "a container that writes into its image": (
        lambda them: container(them)["securityContext"].pop("readOnlyRootFilesystem"),
        "may write into its image",
    ),
    "a container with capabilities": (
        lambda them: container(them)["securityContext"].update(capabilities={"drop": ["NET_RAW"]}),
        "keeps capabilities",
    ),
    "a token that everybody can read": (
        lambda them: next(each(pod(them)["volumes"], "secret")).update(defaultMode=0o444),
        "lockgate-admin can't be read, or by everybody",
    ),
    "a token that the gateway can't read": (
        lambda them: pod(them)["securityContext"].pop("fsGroup"),
        "lockgate-admin can't be read, or by everybody",
    ),
    "a container that does not say what it needs": (
        lambda them: container(them)["resources"].pop("requests"),
        "does not say what it needs",
    ),
    "a container that is held back": (
        lambda them: container(them)["resources"]["limits"].update(cpu="2"),
        "has no limit of memory, or one of CPU",
    ),
    "the latest image": (
        lambda them: container(them).update(image="registry.example/lockgate:latest"),
        "registry.example/lockgate:latest: names no version",
    ),
    "an image without a version": (
        lambda them: container(them).update(image="registry.example:5000/lockgate"),
        "registry.example:5000/lockgate: names no version",
    ),
    "a registry that restarts gateways": (
        lambda them: container(them)["livenessProbe"]["httpGet"].update(path="/ready"),
        "livenessProbe asks /ready, not /health",
    ),
    "a pod that is ready at once": (
        lambda them: container(them).pop("readinessProbe"),
        "a roll does not wait until it is ready",
    ),
    "a variable that nothing reads": (
        lambda them: environment(them).update(GATEWAY_WORKER="2"),
        "Deployment/gateway: nothing reads GATEWAY_WORKER",
    ),
    "tunnels that are cut": (
        lambda them: environment(them).update(TUNNEL_GRACE="300"),
        "Deployment/gateway: is killed after 90 s, and needs 326 s to stop",
    ),
    "a service that is killed while it drains": (
        lambda them: template(named(them, "Deployment", "market-data"))["spec"].update(
            terminationGracePeriodSeconds=15
        ),
        "Deployment/market-data: is killed after 15 s, and needs 15 s to stop",
    ),
}


def each_endpoint(documents: list[Document]) -> Document:
    (endpoint,) = named(documents, "ServiceMonitor", "gateway")["spec"]["endpoints"]
    found: Document = endpoint
    return found


@pytest.mark.parametrize("what", BROKEN)
def test_it_is_seen(what: str) -> None:
    change, complaint = BROKEN[what]
    documents = built("full")
    change(documents)
    complaints = "\n".join(wrong(documents))
    assert complaint in complaints


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_gateway_starts_with_the_variables_of_its_pod(overlay: str, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("a-token-of-this-test")
    token.chmod(0o600)
    documents = built(overlay)
    values = pods.variables(documents, gateway(documents))
    settings = load_settings(
        {name: value for name, value in values.items() if value is not None}
        | {"ADMIN_TOKEN_FILE": str(token)}
    )
    mounts = {one["mountPath"] for one in container(documents)["volumeMounts"]}
    files = {values["ADMIN_TOKEN_FILE"], values["GATEWAY_CONFIG"], values["VIEW_FILE"]}
    assert {str(Path(str(file)).parent) for file in files} <= mounts
    ports = {one["name"]: one["containerPort"] for one in container(documents)["ports"]}
    # The image sets GATEWAY_PORT to the default.
    assert ports == {"http": settings.gateway_port, "admin": 8081}
    assert settings.admin_listen == "0.0.0.0:8081"
    assert int(container(documents)["resources"]["requests"]["cpu"]) == settings.gateway_workers


def test_the_example_service_starts_with_the_variables_of_its_pod() -> None:
    documents = built("full")
    values = pods.variables(documents, named(documents, "Deployment", "market-data"))
    service = find("market_data_service")
    assert service is not None
    settings = service.settings.model_validate(
        {name.lower(): value for name, value in values.items() if value and name != "REDIS_URL"}
    )
    (one,) = containers(named(documents, "Deployment", "market-data"))
    assert [port["containerPort"] for port in one["ports"]] == [settings.service_port]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_urls_of_the_guide_are_understood(overlay: str) -> None:
    text = "\n".join(
        block.text
        for block in blocks("docs/kubernetes.md", "sh")
        if block.heading == SECRETS[overlay]
    )
    hosts = re.search(r"^sentinels=(\S+)$", text, re.MULTILINE)
    urls = re.findall(r'--from-literal=(?:gateway|service)-url="(\S+)"', text)
    assert len(urls) == 2
    for url in urls:
        filled = url.replace("$sentinels", hosts[1] if hosts else "")
        filled = re.sub(r"\$\w+", "a-password", filled)
        RegistrySettings(filled)
        assert "$" not in filled
    if overlay != "managed-redis":
        assert hosts is not None
        wanted = {one["value"] for one in variables_named(built(overlay), "SENTINELS")}
        assert wanted == {hosts[1].replace(",", " ")}


def variables_named(documents: list[Document], name: str) -> list[Document]:
    return [
        one
        for list_ in each([template(one) for one in workloads(documents)], "env")
        for one in list_
        if one["name"] == name
    ]


def test_the_autoscaler_asks_for_a_metric_that_the_gateway_has_and_the_adapter_answers() -> None:
    (asked,) = each(named(built("full"), "HorizontalPodAutoscaler", "gateway"), "metric")
    assert asked["name"] == METRIC
    assert METRIC in {row[0] for row in rows_of("docs/operations.md", "Metrics")}
    (values,) = read((KUBERNETES / "components/monitoring/prometheus-adapter.yaml").read_text())
    (rule,) = values["rules"]["custom"]
    assert rule["seriesQuery"].startswith(f"{METRIC}{{")
    assert rule["name"]["as"] == METRIC


def test_a_change_of_the_file_replaces_the_pods_unless_it_keeps_its_name(tmp_path: Path) -> None:
    """The guide tells how a ConfigMap keeps its name, so that running gateways read it again."""
    shutil.copytree(KUBERNETES, tmp_path / "kubernetes")
    base = tmp_path / "kubernetes/base"

    def name() -> Any:
        (found,) = each(pod(build(base))["volumes"], "configMap")
        return found["name"]

    before = name()
    with (base / "lockgate.yaml").open("a") as file:
        file.write("# changed\n")
    assert name() != before
    (block,) = blocks("docs/kubernetes.md", "yaml")[:1]
    text = (base / "kustomization.yaml").read_text()
    line = "  - name: gateway-file\n    files: [lockgate.yaml]\n"
    assert line in text
    assert line in block.text
    (base / "kustomization.yaml").write_text(text.replace(line, block.text))
    assert name() == "gateway-file"


def test_the_configuration_file_has_no_mistake() -> None:
    command = [sys.executable, "-m", "lockgate.command", "check-config"]
    checked = subprocess.run(
        [*command, str(KUBERNETES / "base/lockgate.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_scripts_are_those_that_the_registry_mounts() -> None:
    data = named(built("sentinel"), "ConfigMap", "registry-scripts")["data"]
    on_disk = {path.name: path.read_text() for path in (KUBERNETES / "registry").glob("*.sh")}
    assert data == on_disk
    mentioned = {
        word
        for document in of_kind(built("sentinel"), "StatefulSet")
        for list_ in each(document, "command")
        for word in list_
        if word.startswith("/scripts/")
    }
    assert {word.removeprefix("/scripts/") for word in mentioned} <= set(data)


@pytest.mark.parametrize(
    "script", sorted((KUBERNETES / "registry").glob("*.sh")), ids=lambda path: path.name
)
def test_a_shell_understands_the_script(script: Path) -> None:
    assert subprocess.run(["/bin/sh", "-n", script], check=False).returncode == 0
