"""The JSON Schema, as editors and check-jsonschema use it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.config.file.schema import json_schema
from tests.support.documents import ROOT


def validate(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    schema = folder / "schema.json"
    schema.write_text(json.dumps(json_schema()))
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def properties(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for section in (schema, *schema["$defs"].values()):
        yield from section["properties"].items()


def test_it_is_a_schema_of_its_draft(tmp_path: Path) -> None:
    assert validate(tmp_path, "--check-metaschema", "schema.json").returncode == 0


def test_it_takes_the_example(tmp_path: Path) -> None:
    file = str(ROOT / "docs/examples/lockgate.yaml")
    assert validate(tmp_path, "--schemafile", "schema.json", file).returncode == 0


@pytest.mark.parametrize(
    "text",
    [
        "rotes: []",
        "limits: {a: {requests: '1', window: 1m}}",
        "limits: {a: {requests: 1}}",
        "limits: {a: {requests: 1, window: 1 m}}",
        "limits: {A: {requests: 1, window: 1m}}",
        "limits: {a: {requests: 1, window: 1m, by: {header: 5}}}",
        "limits: {a: {concurrent: 1, window: 1m}}",
        "limits: {a: {budget: 1, window: 1m}}",
        "limits: {a: {requests: 1, window: 1m, reserve: 1}}",
        "limits: {a: {budget: 1, window: 1m, cost: {}}}",
        "limits: {a: {budget: 1, window: 1m, cost: {json: a}}}",
        "defaults: null",
        "routes: [{name: a, match: {}}]",
        "routes: [{name: a, match: {}, service: b, respond: {}}]",
        "routes: [{name: a, match: {path: /a, prefix: /b}, service: b}]",
        "routes: [{name: a, match: {methods: []}, service: b}]",
        "routes: [{name: a, match: {headers: {'a b': c}}, service: b}]",
        "routes: [{name: a, match: {headers: {a: {}}}, service: b}]",
        "routes: [{name: a, match: {}, service: b, rewrite: null}]",
        "routes: [{name: a, match: {}, respond: {}, rewrite: {strip: /}}]",
        "routes: [{name: a, match: {}, redirect: {status: 301}}]",
        "services: {a: {health: {}}}",
    ],
)
def test_it_refuses_what_is_wrong(tmp_path: Path, text: str) -> None:
    (tmp_path / "wrong.yaml").write_text(text)
    finished = validate(tmp_path, "--schemafile", "schema.json", "wrong.yaml")
    assert finished.returncode == 1
    assert "wrong.yaml" in finished.stdout


def test_every_key_is_described_and_has_an_example() -> None:
    missing = [
        key
        for key, one in properties(json_schema())
        if not {"description", "examples"} <= one.keys()
    ]
    assert missing == []


def test_the_defaults_are_those_of_the_environment() -> None:
    defaults = {key: one["default"] for key, one in properties(json_schema()) if "default" in one}
    assert defaults["connect"] == "2s"
    assert defaults["head"] == "30s"
    assert defaults["idle"] == "5m"
    assert defaults["total"] == 0
    assert defaults["interval"] == "5s"
    assert defaults["max_body"] == 0
    assert defaults["prefix"] == "/"
    assert defaults["by"] == "client"
    general = json_schema()["$defs"]["Defaults"]["properties"]
    assert general["limits"]["default"] == ["default"]
