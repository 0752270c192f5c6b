"""What a request has to fulfil beside its host and path; nothing is read before a route asks for it."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Protocol

from middlewares.hygiene.deciding import FieldLine
from middlewares.routing.matching.match import Condition
from middlewares.routing.matching.paths import percent_decoded

_REQUESTED_METHOD = b"access-control-request-method"
_ORIGIN = b"origin"


class Section(Protocol):
    """The fields of a request, as they came; a HeaderSection is one."""

    @property
    def fields(self) -> Sequence[FieldLine]: ...


class Request:
    """The method, the fields and the query of one request."""

    def __init__(self, method: str, section: Section, query: str) -> None:
        self._section = section
        self._query = query
        #: The method that routes are asked for: that of the request which a preflight precedes.
        self.method = method
        self.is_preflight = False
        if method == "OPTIONS":
            asked = self.fields.get(_REQUESTED_METHOD)
            if asked is not None and _ORIGIN in self.fields:
                self.method = asked.decode("latin-1")
                self.is_preflight = True

    @cached_property
    def fields(self) -> Mapping[bytes, bytes]:
        """The values by name in lower case; one that was sent twice is joined (RFC 9110 §5.3)."""
        found: dict[bytes, bytes] = {}
        repeated: dict[bytes, list[bytes]] = {}
        for name, value in self._section.fields:
            lower = name.lower()
            if lower in found:
                repeated.setdefault(lower, [found[lower]]).append(value)
            else:
                found[lower] = value
        for name, values in repeated.items():
            found[name] = b", ".join(values)
        return found

    @cached_property
    def members(self) -> Mapping[bytes, bytes]:
        """The members of the query, decoded as of a form: `+` is a space; of each name the first."""
        raw = self._query.encode("utf-8", "surrogateescape").replace(b"+", b" ")
        decode = percent_decoded if b"%" in raw else bytes
        found: dict[bytes, bytes] = {}
        for member in raw.split(b"&"):
            name, _, value = member.partition(b"=")
            found.setdefault(decode(name), decode(value))
        return found


#: Names as bytes and what their values have to be.
Conditions = tuple[tuple[bytes, Condition], ...]


def compiled(conditions: Mapping[str, Condition], *, lower: bool) -> Conditions:
    """The conditions in the form that `differing` reads."""
    return tuple(
        ((name.lower() if lower else name).encode("utf-8", "surrogatepass"), condition)
        for name, condition in conditions.items()
    )


def differing(conditions: Conditions, values: Mapping[bytes, bytes]) -> bytes | None:
    """The name of the first condition that does not hold; None if all do."""
    for name, condition in conditions:
        value = values.get(name)
        if value is None or not condition.holds(value):
            return name
    return None
