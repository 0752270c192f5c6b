"""Says in words of ours what pydantic found, and where it stands."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from gateway.config.file.mistakes import Mistake
from gateway.config.file.nodes import Node, Path, Scalar, key_position, node_at
from gateway.config.file.parsed import TextWanted
from gateway.config.file.sections import AT_KEY, AT_VALUE, INSIDE, NO_MAPPING
from gateway.config.file.wording import quoted, spelled

#: Pydantic's name of an error in a mapping's key.
_KEY = "[key]"
_WORDS = {
    "dict_type": NO_MAPPING,
    "tuple_type": "must be a list, such as [a, b], or with a line `- …` for each of its items",
}


def explain(error: ValidationError, root: Node, at: Path = ()) -> Iterator[Mistake]:
    """The mistakes in the value that stands at a path, in the order that pydantic found them."""
    for one in error.errors(include_url=False):
        path = (*at, *(part for part in one["loc"] if not _is_kind(part)))
        at_key = one["type"] == AT_KEY
        if path and path[-1] == _KEY:
            path, at_key = path[:-1], True
        node = node_at(root, path)
        position = key_position(root, path) if at_key else node.position
        yield Mistake(position, spelled(path), _message(one, node, at_key=at_key))


def _is_kind(part: str | int) -> bool:
    """Whether it only says of which kind a value is, and is no key of the file."""
    return isinstance(part, str) and part.startswith(INSIDE)


def _message(error: Any, node: Node, *, at_key: bool) -> str:
    kind = error["type"]
    if kind in (AT_KEY, AT_VALUE):
        return str(error["msg"])
    if kind == "value_error":
        return _refused(error["ctx"]["error"], node, at_key=at_key)
    return _WORDS[kind]


def _refused(error: ValueError, node: Node, *, at_key: bool) -> str:
    """What a function of ours said; a value without the quotes that it needs is shown with them."""
    if at_key or not isinstance(error, TextWanted) or not isinstance(node, Scalar):
        return str(error)
    return f"{error}; put it in quotes: {quoted(node.text)}"
