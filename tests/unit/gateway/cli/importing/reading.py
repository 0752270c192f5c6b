"""Reads what was imported as `check-config` reads it."""

from typing import Any

from discovery.base.steps import at_once
from gateway.cli.importing.importing import Kind, imported_from
from gateway.cli.importing.writing import written
from gateway.config.file.composing import compose
from gateway.config.file.loading import read_bytes

Route = dict[str, Any]
FILES: dict[Kind, str] = {
    "nginx": "nginx.conf",
    "compose": "compose.yaml",
    "traefik": "traefik.yaml",
}


def document_of(kind: Kind, text: str) -> dict[str, Any]:
    """The file that a text of that kind comes to, in which check-config finds no mistake."""
    made = written(imported_from(text, FILES[kind], kind), FILES[kind])
    read = read_bytes(made.encode())
    assert read.errors == (), made
    _, value, _ = at_once(compose(made))
    document: dict[str, Any] = _with_lists(value)
    return document


def routes_of(kind: Kind, text: str) -> list[Route]:
    found: list[Route] = document_of(kind, text).get("routes", [])
    return found


def route_of(kind: Kind, text: str) -> Route:
    """The first route."""
    return routes_of(kind, text)[0]


def services_of(kind: Kind, text: str) -> dict[str, Any]:
    found: dict[str, Any] = document_of(kind, text).get("services", {})
    return found


def _with_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_lists(one) for key, one in value.items()}
    return [_with_lists(one) for one in value] if isinstance(value, tuple) else value
