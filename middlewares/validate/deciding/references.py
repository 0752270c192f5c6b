"""References within an OpenAPI document; what is elsewhere is never fetched."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

#: The longest chain of references that leads to one object.
MOST_HOPS = 16

Node = Mapping[str, Any]


class LeftOut(Exception):
    """A part of the document can't be used; the message says why."""


class Source:
    """A document whose references can be followed."""

    def __init__(self, document: Node) -> None:
        self.document = document

    def at(self, reference: object) -> Any:
        """What a reference names. Raises LeftOut."""
        found: Any = self.document
        for step in _steps(reference):
            if isinstance(found, Mapping) and step in found:
                found = found[step]
            elif isinstance(found, list) and step.isascii() and step.isdigit():
                if int(step[:9]) >= len(found):
                    raise LeftOut(f"$ref {_shown(reference)} leads nowhere")
                found = found[int(step[:9])]
            else:
                raise LeftOut(f"$ref {_shown(reference)} leads nowhere")
        return found

    def resolved(self, node: object, what: str) -> Node:
        """The object itself, or the one that it names by `$ref`. Raises LeftOut."""
        for _ in range(MOST_HOPS):
            if not isinstance(node, Mapping):
                raise LeftOut(f"{what} is not an object")
            if "$ref" not in node:
                return node
            node = self.at(node["$ref"])
        raise LeftOut(f"{what}: a chain of more than {MOST_HOPS} references")


def _steps(reference: object) -> list[str]:
    if not isinstance(reference, str) or not reference.startswith("#"):
        raise LeftOut(f"$ref {_shown(reference)} is in another document, which is not fetched")
    path = unquote(reference[1:])
    if path and not path.startswith("/"):
        raise LeftOut(f"$ref {_shown(reference)}: only JSON pointers such as #/components are read")
    return [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:]]


def _shown(reference: object) -> str:
    return repr(reference)[:100]
