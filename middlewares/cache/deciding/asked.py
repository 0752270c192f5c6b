"""A request as the cache sees it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from middlewares.cache.deciding.conditions import Conditions
from middlewares.cache.deciding.directives import RequestDirectives
from middlewares.cache.deciding.varying import secondary
from middlewares.cache.entry import Entry, FieldLine


class Bypass(NamedTuple):
    """The cache has no part in the request; `why` is a token for Cache-Status."""

    why: str


METHOD: Final = Bypass("method")
BODY: Final = Bypass("body")
UPGRADE: Final = Bypass("upgrade")
NO_STORE: Final = Bypass("no-store")
PRECONDITION: Final = Bypass("precondition")
#: Nothing that is kept may be used, and the client wants nothing else.
ONLY_IF_CACHED: Final = Bypass("only-if-cached")


@dataclass(slots=True)
class ReadFields:
    """What the fields of a request say to the cache.

    `fields` are those that a shared request has: none of one connection, no conditions and no range, and of
    Via what says that it came through here. With a `bypass` the cache has no part in it.
    """

    key: bytes
    directives: RequestDirectives
    conditions: Conditions
    has_credentials: bool
    bypass: Bypass | None
    #: None: nobody has asked for them yet, and `later` has them.
    read: tuple[FieldLine, ...] | None
    later: "Callable[[], ReadFields] | None" = None

    @property
    def fields(self) -> tuple[FieldLine, ...]:
        if self.read is None:
            assert self.later is not None
            self.read = self.later().fields
        return self.read


@dataclass(slots=True)
class Asked:
    """A request that may be answered from the cache, or fill it.

    `target` is what an instance is asked for, without the ignored members of the query.
    """

    method: str
    key: bytes
    scheme: str
    host: bytes
    target: str
    has_credentials: bool
    is_keyed_by_subject: bool
    read: ReadFields

    @property
    def is_apart(self) -> bool:
        """Whether the service sees a credential that is not in the key."""
        return self.has_credentials and not self.is_keyed_by_subject

    @property
    def flight_key(self) -> bytes:
        """The key of what is under way for it, or could not be kept: who has a credential waits for nobody else."""
        return self.key + b"!" if self.is_apart else self.key

    def takes(self, entry: Entry) -> bool:
        """Whether the entry may answer it: one that says that anybody may have it, or one made for its like.

        RFC 9111 §3.5 speaks of answers to requests with credentials; the service may have said something else to
        one without.
        """
        return not self.is_apart or entry.freshness.is_for_all

    @property
    def url(self) -> bytes:
        """Scheme, host and target, for purges."""
        return url_of(self.scheme, self.host, self.target)

    @property
    def directives(self) -> RequestDirectives:
        return self.read.directives

    @property
    def conditions(self) -> Conditions:
        return self.read.conditions

    @property
    def fields(self) -> tuple[FieldLine, ...]:
        """The client's fields as a shared request has them."""
        return self.read.fields

    def secondary(self, names: tuple[bytes, ...]) -> bytes:
        """The secondary key for the names of Vary."""
        return secondary(names, self.read.fields) if names else b""


def url_of(scheme: str, host: bytes, target: str) -> bytes:
    """A URL as purges name it; the host is in lower case."""
    sent = target.encode("utf-8", "surrogateescape")
    return b"%b://%b%b" % (scheme.encode("ascii"), host.lower(), sent)
