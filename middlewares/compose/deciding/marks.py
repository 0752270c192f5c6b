"""How an answer says which of its parts are missing."""

import json
from collections.abc import Mapping

from middlewares.compose.deciding.judging import Missing

FIELD = "X-Partial"


def field_of(missing: Mapping[str, Missing]) -> str:
    """The value of X-Partial: a list of RFC 9651 with an item for each part that is missing."""
    return ", ".join(f"{name}{_parameters(one)}" for name, one in missing.items())


def document_of(missing: Mapping[str, Missing]) -> str:
    """The same as JSON."""
    return json.dumps({name: _members(one) for name, one in missing.items()})


def _parameters(one: Missing) -> str:
    status = "" if one.status is None else f";status={one.status}"
    return f";reason={one.reason}{status}"


def _members(one: Missing) -> dict[str, str | int]:
    status = {} if one.status is None else {"status": one.status}
    return {"reason": one.reason, **status}
