"""What one document says of another: selectors, ports, ConfigMaps, Secrets, volumes, targets."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from tests.support.manifests.building import (
    Document,
    containers,
    each,
    labels,
    of_kind,
    port_names,
    template,
    title,
    workloads,
)

#: Pods that the documents need not have: a service that registers, in either way.
OPEN = {"lockgate/registry", "lockgate/registers"}
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def selects(selector: Mapping[str, Any], of_pod: Mapping[str, str]) -> bool:
    """Whether a LabelSelector matches; an empty one matches everything."""
    if any(of_pod.get(name) != value for name, value in selector.get("matchLabels", {}).items()):
        return False
    return all(_expression(one, of_pod) for one in selector.get("matchExpressions", ()))


def _expression(one: Mapping[str, Any], of_pod: Mapping[str, str]) -> bool:
    value = of_pod.get(one["key"])
    match one["operator"]:
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "In":
            return value in one["values"]
        case _:
            return value not in one["values"]


def wrong_names(documents: list[Document], namespace: str) -> Iterator[str]:
    """What is there twice, and what is outside of the namespace."""
    for name, times in Counter(map(title, documents)).items():
        if times > 1:
            yield f"{name}: is there {times} times"
    for one in documents:
        if one["kind"] != "Namespace" and one["metadata"].get("namespace") != namespace:
            yield f"{title(one)}: is not in the namespace {namespace}"


def wrong_selectors(documents: list[Document]) -> Iterator[str]:
    """Selectors of workloads, Services, budgets and spreads that match no pod, or not their own."""
    pods = [labels(one) for one in workloads(documents)]
    for one in workloads(documents):
        inner = [
            one["spec"]["selector"],
            *each(template(one)["spec"].get("topologySpreadConstraints"), "labelSelector"),
            *each(template(one)["spec"].get("affinity"), "labelSelector"),
        ]
        if not all(selects(selector, labels(one)) for selector in inner):
            yield f"{title(one)}: a selector does not match its own pods"
        if name := one["spec"].get("serviceName"):
            services = [service["metadata"]["name"] for service in of_kind(documents, "Service")]
            if name not in services:
                yield f"{title(one)}: there is no Service {name}"
    for one in of_kind(documents, "Service"):
        if not _pods_of_service(one, documents):
            yield f"{title(one)}: selects no pod"
    for one in of_kind(documents, "PodDisruptionBudget"):
        if not any(selects(one["spec"]["selector"], pod) for pod in pods):
            yield f"{title(one)}: selects no pod"


def _pods_of_service(service: Document, documents: list[Document]) -> list[Document]:
    # The controller of a StatefulSet adds a pod's number, the first is 0.
    selector = dict(service["spec"]["selector"])
    number = selector.pop("apps.kubernetes.io/pod-index", None)
    return [
        one
        for one in workloads(documents)
        if selects({"matchLabels": selector}, labels(one))
        and (number is None or int(number) < one["spec"]["replicas"])
    ]


def wrong_ports(documents: list[Document]) -> Iterator[str]:
    """Named ports of Services, probes and monitors that no container has."""
    for service in of_kind(documents, "Service"):
        for port in service["spec"]["ports"]:
            for one in _pods_of_service(service, documents):
                if port["targetPort"] not in port_names(one):
                    yield f"{title(service)}: {title(one)} has no port {port['targetPort']}"
    for one in workloads(documents):
        for container in containers(one):
            for probe in PROBES:
                for port in each(container.get(probe), "port"):
                    if port not in port_names(one):
                        yield f"{title(one)}: {probe} asks port {port}, which is not there"
    for monitor in of_kind(documents, "ServiceMonitor"):
        selector = monitor["spec"]["selector"]
        ports = {
            port["name"]
            for service in of_kind(documents, "Service")
            if selects(selector, service["metadata"]["labels"])
            for port in service["spec"]["ports"]
        }
        for port in each(monitor["spec"]["endpoints"], "port"):
            if port not in ports:
                yield f"{title(monitor)}: no Service that it selects has a port {port}"


def wrong_policies(documents: list[Document]) -> Iterator[str]:
    """Network policies whose pods or ports are not there, and a namespace without a refusal of the rest."""
    policies = of_kind(documents, "NetworkPolicy")
    if not any(
        one["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} for one in policies
    ):
        yield "no NetworkPolicy refuses what no other allows"
    for one in policies:
        spec = one["spec"]
        own = _selected(spec["podSelector"], documents)
        if not own and not _is_open(spec["podSelector"]):
            yield f"{title(one)}: selects no pod"
        for rule in spec.get("ingress", ()):
            yield from _wrong_peers(one, rule.get("from", ()), documents)
            yield from _wrong_rule_ports(one, rule, own)
        for rule in spec.get("egress", ()):
            peers = rule.get("to", ())
            yield from _wrong_peers(one, peers, documents)
            targets = [pod for peer in peers for pod in _peer_pods(peer, documents)]
            yield from _wrong_rule_ports(one, rule, targets)
        for direction, kind in (("ingress", "Ingress"), ("egress", "Egress")):
            if direction in spec and kind not in spec["policyTypes"]:
                yield f"{title(one)}: has rules for {kind}, which is not in policyTypes"


def _selected(selector: Mapping[str, Any], documents: list[Document]) -> list[Document]:
    return [one for one in workloads(documents) if selects(selector, labels(one))]


def _peer_pods(peer: Mapping[str, Any], documents: list[Document]) -> list[Document]:
    if "namespaceSelector" in peer or "podSelector" not in peer:
        return []
    return _selected(peer["podSelector"], documents)


def _is_open(selector: Mapping[str, Any]) -> bool:
    named = {one["key"] for one in selector.get("matchExpressions", ())}
    return bool((named | set(selector.get("matchLabels", {}))) & OPEN)


def _wrong_peers(
    policy: Document, peers: list[Mapping[str, Any]], documents: list[Document]
) -> Iterator[str]:
    for peer in peers:
        is_here = "podSelector" in peer and "namespaceSelector" not in peer
        if is_here and not _peer_pods(peer, documents) and not _is_open(peer["podSelector"]):
            yield f"{title(policy)}: {dict(peer['podSelector'])} selects no pod"


def _wrong_rule_ports(
    policy: Document, rule: Mapping[str, Any], targets: list[Document]
) -> Iterator[str]:
    for port in each(rule.get("ports"), "port"):
        names: set[str] = set().union(*map(port_names, targets)) if targets else set()
        if isinstance(port, str) and port not in names:
            yield f"{title(policy)}: no pod has the port {port}"


def wrong_targets(documents: list[Document]) -> Iterator[str]:
    """Autoscalers without a target, or beside a fixed number of pods."""
    for one in of_kind(documents, "HorizontalPodAutoscaler"):
        target = one["spec"]["scaleTargetRef"]
        found = [
            workload
            for workload in of_kind(documents, target["kind"])
            if workload["metadata"]["name"] == target["name"]
            and workload["apiVersion"] == target["apiVersion"]
        ]
        if not found:
            yield f"{title(one)}: there is no {target['kind']}/{target['name']}"
        elif "replicas" in found[0]["spec"]:
            yield f"{title(one)}: {title(found[0])} sets replicas too"


def wrong_mounts(documents: list[Document], secrets: Mapping[str, set[str]]) -> Iterator[str]:
    """ConfigMaps, Secrets, their keys, and volumes that are not there. `secrets` are made by hand."""
    keys = {
        "ConfigMap": {
            one["metadata"]["name"]: set(one["data"]) for one in of_kind(documents, "ConfigMap")
        },
        "Secret": secrets,
    }
    for one in workloads(documents):
        pod = template(one)["spec"]
        claims = one["spec"].get("volumeClaimTemplates", ())
        volumes = {volume["name"] for volume in pod.get("volumes", ())}
        volumes |= {claim["metadata"]["name"] for claim in claims}
        mounted = {mount["name"] for list_ in each(pod, "volumeMounts") for mount in list_}
        for name in sorted(mounted ^ volumes):
            yield f"{title(one)}: the volume {name} is only mounted, or only there"
        for kind, name, wanted in _references(pod):
            if name not in keys[kind]:
                yield f"{title(one)}: there is no {kind} {name}"
            elif missing := wanted - keys[kind][name]:
                yield f"{title(one)}: {kind} {name} has no {', '.join(sorted(missing))}"


def _references(pod: Mapping[str, Any]) -> Iterator[tuple[str, str, set[str]]]:
    for one in each(pod, "configMap"):
        yield "ConfigMap", one["name"], {item["key"] for item in one.get("items", ())}
    for one in each(pod, "secret"):
        yield "Secret", one["secretName"], {item["key"] for item in one.get("items", ())}
    for one in each(pod, "configMapRef"):
        yield "ConfigMap", one["name"], set()
    for one in each(pod, "secretRef"):
        yield "Secret", one["name"], set()
    for one in each(pod, "configMapKeyRef"):
        yield "ConfigMap", one["name"], {one["key"]}
    for one in each(pod, "secretKeyRef"):
        yield "Secret", one["name"], {one["key"]}
