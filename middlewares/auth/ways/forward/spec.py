"""What the file says of a service that decides."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final

#: Fields that no credential is in. They pass to the instance although the deciding service gets them.
NO_CREDENTIALS: Final = frozenset(
    b"accept accept-charset accept-encoding accept-language content-type from if-match"
    b" if-modified-since if-none-match if-range if-unmodified-since origin range referer tracestate"
    b" traceparent user-agent x-requested-with sec-fetch-dest sec-fetch-mode sec-fetch-site"
    b" sec-fetch-user".split()
)


@dataclass(frozen=True)
class ForwardSpec:
    """A service that is asked about each request; names of fields are in lower case.

    `send` are the fields of the request that it gets, `take` those of its answer that the instance gets.
    `subject` and `scopes` are the fields of the answer with these; None: it has none.
    `by_credential`: an admission is remembered by the fields of `send` alone.
    """

    has_sessions: ClassVar[bool] = False

    name: str
    url: str
    send: frozenset[bytes] = frozenset()
    take: frozenset[bytes] = frozenset()
    subject: bytes | None = None
    scopes: bytes | None = None
    remember_s: float = 0.0
    by_credential: bool = False
    timeout_s: float = 2.0

    @cached_property
    def reads(self) -> frozenset[bytes]:
        """The fields of `send` that may have a credential in them, as HeadChanges spells them."""
        return _spelled(self.send - NO_CREDENTIALS)

    @cached_property
    def drops(self) -> frozenset[bytes]:
        """The fields that only the service may send to an instance, as HeadChanges spells them."""
        said = {name for name in (self.subject, self.scopes) if name is not None}
        return _spelled(self.take | said)


def _spelled(names: frozenset[bytes]) -> frozenset[bytes]:
    return frozenset(name.replace(b"_", b"-") for name in names)
