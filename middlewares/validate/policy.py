"""How a route's requests are held against the document of its service."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Mode = Literal["report", "enforce"]
Unknown = Literal["pass", "refuse"]


@dataclass(frozen=True, slots=True)
class ValidatePolicy:
    """What is held against the document, and what happens to what does not fit.

    With `mode` report, requests pass whatever is found. `responses`: answers are reported too.
    `unknown_paths` are those without an operation in the document; `unchecked` are bodies that can't be read
    as JSON within the bounds. Both pass or are refused; they only matter with enforce. `formats`: what
    `format` says is checked too.
    """

    mode: Mode = "report"
    responses: bool = False
    unknown_paths: Unknown = "pass"
    unchecked: Unknown = "pass"
    formats: bool = False


class Wanted(NamedTuple):
    """What the documents of a service are for: `formats` are the settings of its routes, empty: for nothing."""

    formats: frozenset[bool] = frozenset()
    answers: bool = False
