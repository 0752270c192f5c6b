"""The environment variables that a program reads, as its help lists them."""

from collections.abc import Mapping
from typing import NamedTuple

from discovery.model.settings import MEANINGS, VARIABLES, RegistrySettings


class Variable(NamedTuple):
    """One variable; `default` is what a user would write, empty if unset."""

    meaning: str
    default: str = ""


def registry_variables() -> dict[str, Variable]:
    """The variables of every program that uses the registry."""
    settings = RegistrySettings()
    return {
        name: Variable(MEANINGS[name], _as_written(getattr(settings, field)))
        for field, name in VARIABLES.items()
    }


def help_rows(variables: Mapping[str, Variable]) -> list[tuple[str, str]]:
    return [
        (name, f"{variable.meaning} [default: {variable.default or 'unset'}]")
        for name, variable in variables.items()
    ]


def _as_written(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
