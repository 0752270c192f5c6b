"""Reads Dockerfile, .dockerignore and compose.yaml, so that tests can follow them without an engine."""

import json
import os
import re
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]


@dataclass(slots=True)
class Stage:
    """One FROM of a Dockerfile, and its instructions in order, as (name, rest of the line)."""

    base: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        return [rest for instruction, rest in self.instructions if instruction == name]

    def one(self, name: str) -> str:
        (rest,) = self.all(name)
        return rest

    @property
    def run_commands(self) -> list[str]:
        """The shell lines of RUN, without options for the builder."""
        return [re.sub(r"^(--\w+=\S+\s+)+", "", rest) for rest in self.all("RUN")]

    @property
    def command(self) -> list[str]:
        return list_form(self.one("CMD"))

    @property
    def health_check(self) -> list[str]:
        _, _, command = self.one("HEALTHCHECK").partition("CMD ")
        return list_form(command)

    def environment(self, outside: Mapping[str, str]) -> dict[str, str]:
        """The variables that ENV sets; `outside` has the values that they refer to, and a PATH that comes first."""
        variables: dict[str, str] = {}
        for rest in self.all("ENV"):
            for assignment in shlex.split(rest):
                name, _, value = assignment.partition("=")
                variables[name] = re.sub(r"\$(\w+)", lambda found: outside[found[1]], value)
        if "PATH" in outside:  # where the programs are that stand for those of the image
            variables["PATH"] = f"{outside['PATH']}:{variables['PATH']}"
        return variables


def list_form(text: str) -> list[str]:
    """Parse `["python", "-m", …]`, the form without a shell, which passes signals on."""
    command: list[str] = json.loads(text)
    return command


def dockerfile() -> list[Stage]:
    lines = [
        line
        for line in (ROOT / "Dockerfile").read_text().splitlines()
        if not line.lstrip().startswith("#")
    ]
    stages: list[Stage] = []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        name, _, rest = line.strip().partition(" ")
        if name == "FROM":
            stages.append(Stage(rest))
        elif name:
            stages[-1].instructions.append((name, rest.strip()))
    return stages


def copy_build_context(target: Path) -> None:
    """Copy what `COPY . .` copies: .dockerignore excludes everything but a few exceptions."""
    rules = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert rules[0] == "*"
    never = shutil.ignore_patterns(*(rule.removeprefix("**/") for rule in rules if "**/" in rule))
    for rule in rules:
        source = ROOT / rule.removeprefix("!").rstrip("/")
        if not rule.startswith("!"):
            continue
        if source.is_dir():
            shutil.copytree(source, target / source.name, ignore=never)
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)


def compose() -> dict[str, Any]:
    """compose.yaml with its anchors resolved."""
    document: dict[str, Any] = YAML(typ="safe").load(ROOT / "compose.yaml")
    return document


def interpolated(text: str, outside: Mapping[str, str]) -> str:
    """The text with `${NAME:-otherwise}` and `${NAME:+instead}` as Compose replaces them."""

    def value(found: re.Match[str]) -> str:
        given = outside.get(found["name"], "")
        return given or found["text"] if found["how"] == "-" else found["text"] if given else ""

    return re.sub(r"\$\{(?P<name>\w+):(?P<how>[-+])(?P<text>[^}]*)\}", value, text)


def compose_environment(service: str, outside: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a service; a variable without a value is taken from `outside`, if there."""
    variables: dict[str, Any] = compose()["services"][service].get("environment", {})
    resolved = {
        name: outside.get(name) if value is None else interpolated(str(value), outside)
        for name, value in variables.items()
    }
    return {name: value for name, value in resolved.items() if value is not None}
