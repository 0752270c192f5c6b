"""Holds documents against the schemas of the Kubernetes API and of the Prometheus Operator's CRD."""

import functools
import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from jsonschema_rs import validator_for

from tests.support.manifests.building import Document, title

#: The oldest release with all that is used (`preStop.sleep`), and one that is new.
VERSIONS = ("1.31", "1.34")

_DURATION = {
    "type": "string",
    "pattern": "^([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$",
    "minLength": 2,
}
_LABELS = {"type": "object", "additionalProperties": {"type": "string"}}


def _exactly(required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


#: What a monitor like ours uses of the CRD: its names and types, and no other field.
_SERVICE_MONITOR = _exactly(
    ["apiVersion", "kind", "metadata", "spec"],
    apiVersion={"const": "monitoring.coreos.com/v1"},
    kind={"const": "ServiceMonitor"},
    metadata=_exactly(
        ["name"],
        name={"type": "string"},
        namespace={"type": "string"},
        labels=_LABELS,
        annotations=_LABELS,
    ),
    spec=_exactly(
        ["endpoints", "selector"],
        jobLabel={"type": "string"},
        targetLabels={"type": "array", "items": {"type": "string"}},
        selector=_exactly([], matchLabels=_LABELS),
        endpoints={
            "type": "array",
            "items": _exactly(
                [],
                port={"type": "string"},
                path={"type": "string"},
                interval=_DURATION,
                scrapeTimeout=_DURATION,
                scheme={"enum": ["http", "https"]},
                honorLabels={"type": "boolean"},
            ),
        },
    ),
)
CRDS = {("monitoring.coreos.com/v1", "ServiceMonitor"): validator_for(_SERVICE_MONITOR)}


@functools.cache
def _definitions(version: str) -> Any:
    return json.loads((_folder(version) / "_definitions.json").read_text())


def _folder(version: str) -> Path:
    package = Path(str(files("kubernetes_validate")))
    return package / f"kubernetes-json-schema/v{version}.0-local-strict"


@functools.cache
def _validator(api: str, kind: str, version: str) -> Any:
    """The validator of a kind; None: this release has none of this kind and API."""
    if crd := CRDS.get((api, kind)):
        return crd
    group, _, number = api.rpartition("/")
    name = "-".join(part for part in (kind.lower(), group.partition(".")[0], number) if part)
    if not (_folder(version) / f"{name}.json").exists():
        return None
    schema = json.loads((_folder(version) / f"{name}.json").read_text())
    # Its references lead to `/api/_definitions.json`, which comes along.
    text = json.dumps(schema).replace("/api/_definitions.json#", "#")
    whole = json.loads(text) | {"$defs": _definitions(version)["$defs"]}
    return validator_for(whole)


def by_schema(documents: list[Document], version: str) -> Iterator[str]:
    """Mistakes by the strict schemas, which refuse fields that they do not know."""
    for document in documents:
        validator = _validator(document["apiVersion"], document["kind"], version)
        if validator is None:
            yield f"{title(document)}: Kubernetes {version} has no {document['apiVersion']}"
            continue
        for mistake in validator.iter_errors(document):
            yield f"{title(document)}: {list(mistake.instance_path)}: {mistake.message}"
