"""Finds out which gateway a file is of, and prints it as a file of ours."""

import re
from pathlib import PurePath
from typing import Literal

from gateway.cli.importing.compose import read_compose
from gateway.cli.importing.files import Included, named, read
from gateway.cli.importing.model import Imported
from gateway.cli.importing.nginx.reader import read_nginx
from gateway.cli.importing.toml_files import from_toml
from gateway.cli.importing.traefik.reader import read_traefik
from gateway.cli.importing.writing import written
from gateway.cli.importing.yaml_files import from_yaml

Kind = Literal["nginx", "compose", "traefik"]

#: How a line begins in files of these kinds.
_NGINX = re.compile(
    r"^[ \t]*(?:(?:http|events|server)[ \t]*(?:\{|$)|upstream[ \t]|location[ \t])", re.MULTILINE
)
_COMPOSE = re.compile(r"^[\"']?services[\"']?[ \t]*:", re.MULTILINE)
_TRAEFIK = re.compile(
    r"^(?:[\"']?(?:http|entryPoints|providers|tcp|udp)[\"']?[ \t]*:|[ \t]*\[{1,2}(?:http|entryPoints|providers)\b)",
    re.MULTILINE | re.IGNORECASE,
)
_TOML = re.compile(r"\[|[A-Za-z0-9_.\"'-]+[ \t]*=")


class UnknownKind(Exception):
    """Neither the file's name nor what stands in it says which kind it is."""


def import_file(file: str, kind: Kind | None = None) -> str:
    """A file of ours for what is understood. Unreadable, OSError: it can't be read; UnknownKind."""
    text = read(file)
    imported = imported_from(text, file, kind or kind_of(text, file))
    return written(imported, named(file))


def imported_from(text: str, file: str, kind: Kind) -> Imported:
    """What the text of a file comes to."""
    name = named(file)
    if kind == "nginx":
        return read_nginx(text, name, Included(file))
    if kind == "compose":
        return read_compose(from_yaml(text, name))
    return read_traefik(from_toml(text, name) if _is_toml(text, file) else from_yaml(text, name))


def kind_of(text: str, file: str) -> Kind:
    """The kind of a file, by its name, or by what stands in it."""
    name = PurePath(file).name.lower()
    if name.endswith(".conf") or "nginx" in name:
        return "nginx"
    if "compose" in name:
        return "compose"
    if "traefik" in name or name.endswith(".toml"):
        return "traefik"
    if _NGINX.search(text):
        return "nginx"
    if _TRAEFIK.search(text):
        return "traefik"
    if _COMPOSE.search(text):
        return "compose"
    raise UnknownKind


def _is_toml(text: str, file: str) -> bool:
    if PurePath(file).suffix in (".yaml", ".yml", ".toml"):
        return PurePath(file).suffix == ".toml"
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    return _TOML.match(first) is not None
