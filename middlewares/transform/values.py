"""The values of a request's variables, found when a rule asks for them."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from middlewares.auth.deciding.identity import Claim
from middlewares.exchange import Exchange
from middlewares.head_changes import FieldLine, changed_fields
from middlewares.routing.matching.paths import percent_decoded
from middlewares.routing.rewriting import without_controls
from middlewares.transform.deciding.variables import REST, Variable


class RequestValues:
    """The values of one request as the client sent it; each is None where the request has none.

    What the layers before took out of its head is not there any more; what rules make of it is not there yet.
    """

    def __init__(self, exchange: Exchange, method: str) -> None:
        self._exchange = exchange
        self._method = method
        self._changes = exchange.changes

    def value(self, variable: Variable) -> str | None:
        return _BY_KIND[variable.kind](self, variable.name)

    def client_ip(self, _name: str) -> str | None:
        return self._exchange.client_ip or None

    def correlation_id(self, _name: str) -> str | None:
        return self._exchange.correlation_id

    def subject(self, _name: str) -> str | None:
        identity = self._exchange.identity
        return None if identity is None else identity.subject

    def claim(self, name: str) -> str | None:
        identity = self._exchange.identity
        said = None if identity is None else identity.claims.get(name)
        return None if said is None else _readable(_claim_text(said))

    def service(self, _name: str) -> str | None:
        route = self._exchange.route
        return None if route is None else route.service or None

    def version(self, _name: str) -> str | None:
        """That of the instance that was asked last; before that, the one that the request is for."""
        exchange = self._exchange
        return exchange.served_version or exchange.version

    def method(self, _name: str) -> str | None:
        return self._method

    def path(self, name: str) -> str | None:
        exchange = self._exchange
        hit, route = exchange.hit, exchange.route
        if name != REST:
            return None if hit is None else hit.values.get(name)
        if hit is None:
            return None if route is None else exchange.path[len(route.prefix) :]
        return None if hit.entry.depth is None else without_controls(hit.rest)

    def query(self, name: str) -> str | None:
        return _text(self._members.get(name.encode("utf-8", "surrogateescape")))

    def header(self, name: str) -> str | None:
        return _text(self._fields.get(name.encode("ascii")))

    @cached_property
    def _members(self) -> Mapping[bytes, bytes]:
        """The members of the query, decoded as of a form; of each name the first."""
        exchange = self._exchange
        asked = exchange.query if exchange.asked_query is None else exchange.asked_query
        raw = asked.encode("utf-8", "surrogateescape").replace(b"+", b" ")
        found: dict[bytes, bytes] = {}
        for member in raw.split(b"&") if raw else ():
            name, _, value = member.partition(b"=")
            found.setdefault(percent_decoded(name), percent_decoded(value))
        return found

    @cached_property
    def _fields(self) -> Mapping[bytes, bytes]:
        """The fields by name in lower case, without those that layers took out; lines of one name are joined."""
        exchange = self._exchange
        fields: Sequence[FieldLine] = exchange.section.fields
        if self._changes is not None:
            before = self._changes._replace(edits=())
            added = (line.partition(b": ") for line in before.added.split(b"\r\n")[:-1])
            fields = [
                *changed_fields(fields, before),
                *((name, value) for name, _, value in added),
            ]
        found: dict[bytes, bytes] = {}
        for name, value in fields:
            lower = name.lower()
            found[lower] = found[lower] + b", " + value if lower in found else value
        return found


_BY_KIND: dict[str, Callable[[RequestValues, str], str | None]] = {
    "client_ip": RequestValues.client_ip,
    "correlation_id": RequestValues.correlation_id,
    "subject": RequestValues.subject,
    "claim": RequestValues.claim,
    "service": RequestValues.service,
    "version": RequestValues.version,
    "method": RequestValues.method,
    "path": RequestValues.path,
    "query": RequestValues.query,
    "header": RequestValues.header,
}


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "surrogateescape")


def _claim_text(claim: Claim) -> str:
    """A claim as text: a list is joined by commas."""
    if isinstance(claim, tuple):
        return ",".join(map(_claim_text, claim))
    if isinstance(claim, bool):
        return "true" if claim else "false"
    return str(claim)


def _readable(text: str) -> str:
    """Text without lone surrogates, which no bytes stand for."""
    return text.encode("utf-8", "replace").decode()
