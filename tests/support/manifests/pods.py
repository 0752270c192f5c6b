"""What a pod must have: rights, limits, images, probes, time to stop, and variables that are known."""

from collections.abc import Iterator, Mapping
from typing import Any

from discovery.announcing.registrar import DRAINED_WITHIN_S
from gateway.config.variables import variable_defaults
from gateway.process.draining import ENDS_WITHIN_S
from services.variables import service_variables
from tests.support.manifests.building import (
    Document,
    containers,
    each,
    named,
    template,
    title,
    workloads,
)

#: What programs that are not ours read: the scripts of the registry, and Kubernetes' own.
GATEWAY = "gateway"


def wrong_rights(documents: list[Document]) -> Iterator[str]:
    """Pods that may do more than they need, by the standard `restricted` and beyond it."""
    for one in workloads(documents):
        pod = template(one)["spec"]
        context = pod.get("securityContext", {})
        if not context.get("runAsNonRoot") or not context.get("runAsUser"):
            yield f"{title(one)}: may run as root"
        if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{title(one)}: has no seccomp profile"
        if pod.get("automountServiceAccountToken") is not False:
            yield f"{title(one)}: gets a token of the cluster"
        if pod.get("enableServiceLinks") is not False:
            yield f"{title(one)}: gets a variable for each Service"
        for container in containers(one):
            inner = container.get("securityContext", {})
            if inner.get("allowPrivilegeEscalation") is not False:
                yield f"{title(one)}: may gain rights"
            if inner.get("readOnlyRootFilesystem") is not True:
                yield f"{title(one)}: may write into its image"
            if inner.get("capabilities") != {"drop": ["ALL"]}:
                yield f"{title(one)}: keeps capabilities"
        for secret in each(pod.get("volumes"), "secret"):
            if secret.get("defaultMode") != 0o400 or not context.get("fsGroup"):
                yield f"{title(one)}: {secret['secretName']} can't be read, or by everybody"


def wrong_resources(documents: list[Document]) -> Iterator[str]:
    for one in workloads(documents):
        for container in containers(one):
            resources = container.get("resources", {})
            if set(resources.get("requests", ())) != {"cpu", "memory"}:
                yield f"{title(one)}: does not say what it needs"
            if set(resources.get("limits", ())) != {"memory"}:
                yield f"{title(one)}: has no limit of memory, or one of CPU"


def wrong_images(documents: list[Document]) -> Iterator[str]:
    for image in each([template(one) for one in workloads(documents)], "image"):
        name, _, tag = image.rpartition(":")
        if not name or "/" in tag or tag == "latest" or not tag[:1].isdigit():
            yield f"{image}: names no version"


def wrong_probes(documents: list[Document]) -> Iterator[str]:
    """A pod is alive by /health and gets requests by /ready, and nothing else may restart it."""
    for one in workloads(documents):
        for container in containers(one):
            if "readinessProbe" not in container:
                yield f"{title(one)}: a roll does not wait until it is ready"
            for probe, path in (
                ("startupProbe", "/health"),
                ("livenessProbe", "/health"),
                ("readinessProbe", "/ready"),
            ):
                found = container.get(probe, {}).get("httpGet")
                if found and found["path"] != path:
                    yield f"{title(one)}: {probe} asks {found['path']}, not {path}"


def variables(documents: list[Document], workload: Document) -> dict[str, str | None]:
    """The environment of its container; None: the cluster or a Secret has the value."""
    (container,) = containers(workload)
    found: dict[str, str | None] = {}
    for source in container.get("envFrom", ()):
        found |= named(documents, "ConfigMap", source["configMapRef"]["name"])["data"]
    found |= {one["name"]: one.get("value") for one in container["env"]}
    return found


def unknown_variables(documents: list[Document]) -> Iterator[str]:
    """Variables of the gateway and of services that nothing reads."""
    known: Mapping[str, Mapping[str, Any]] = {
        GATEWAY: variable_defaults(),
        "service": service_variables(),
    }
    for one in workloads(documents):
        kind = template(one)["metadata"]["labels"].get("lockgate/registry")
        for name in variables(documents, one) if kind else ():
            if name not in known[kind]:
                yield f"{title(one)}: nothing reads {name}"


def too_short_to_stop(documents: list[Document]) -> Iterator[str]:
    """Pods that are killed before they are through with what they promise."""
    for one in workloads(documents):
        pod = template(one)["spec"]
        has_s = pod.get("terminationGracePeriodSeconds", 30)
        sleeps_s = sum(sleep["seconds"] for sleep in each(pod, "sleep"))
        values = variables(documents, one)
        grace_s = float(values.get("SHUTDOWN_GRACE") or 10)
        match template(one)["metadata"]["labels"].get("lockgate/registry"):
            case "gateway":
                tunnels_s = float(values.get("TUNNEL_GRACE") or 300)
                needs_s = sleeps_s + grace_s + tunnels_s + ENDS_WITHIN_S
            case "service":
                needs_s = sleeps_s + DRAINED_WITHIN_S + grace_s
            case _:
                continue
        if has_s <= needs_s:
            yield f"{title(one)}: is killed after {has_s} s, and needs {needs_s:g} s to stop"
