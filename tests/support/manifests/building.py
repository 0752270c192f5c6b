"""Builds a kustomization as `kubectl apply -k` does, and reads what comes out."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.support.documents import ROOT

KUBERNETES = ROOT / "deploy/kubernetes"
#: What has a pod template.
WORKLOADS = {"Deployment", "StatefulSet"}

Document = dict[str, Any]


def kubectl() -> str:
    """The kubectl of the tests' packages, or that of PATH; skips the test without one."""
    own = Path(sys.executable).parent / "kubectl"
    found = str(own) if own.exists() else shutil.which("kubectl")
    if found is None:
        pytest.skip("no kubectl here: install the extra `test`")
    return found


def build(folder: Path) -> list[Document]:
    """The documents of a kustomization."""
    built = subprocess.run(
        [kubectl(), "kustomize", str(folder)], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    return read(built.stdout)


def read(text: str) -> list[Document]:
    # YAML 1.1 as Kubernetes reads it: 0400 is octal.
    yaml = YAML(typ="safe")
    yaml.version = (1, 1)
    return [document for document in yaml.load_all(text) if document]


def of_kind(documents: list[Document], *kinds: str) -> list[Document]:
    return [one for one in documents if one["kind"] in kinds]


def named(documents: list[Document], kind: str, name: str) -> Document:
    """The one document of this kind and name; a generated one may have a hash behind its name."""
    (found,) = [
        one
        for one in of_kind(documents, kind)
        if one["metadata"]["name"] == name or one["metadata"]["name"].startswith(f"{name}-")
        if kind in ("ConfigMap", "Secret") or one["metadata"]["name"] == name
    ]
    return found


def title(document: Document) -> str:
    return f"{document['kind']}/{document['metadata']['name']}"


def workloads(documents: list[Document]) -> list[Document]:
    return of_kind(documents, *WORKLOADS)


def template(workload: Document) -> Document:
    found: Document = workload["spec"]["template"]
    return found


def labels(workload: Document) -> dict[str, str]:
    found: dict[str, str] = template(workload)["metadata"]["labels"]
    return found


def containers(workload: Document) -> list[Document]:
    pod = template(workload)["spec"]
    return [*pod.get("initContainers", []), *pod["containers"]]


def port_names(workload: Document) -> set[str]:
    return {
        port["name"]
        for one in containers(workload)
        for port in one.get("ports", ())
        if port["name"]
    }


def each(value: Any, key: str) -> Iterator[Any]:
    """Every value of this key, however deep."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key:
                yield inner
            yield from each(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from each(inner, key)
