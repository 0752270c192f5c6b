"""What each way of authentication offers to the layer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from aiohttp import web

from middlewares.auth.deciding import Credentials, Identity
from middlewares.exchange import Exchange


@dataclass(slots=True)
class Asked:
    """A request that a way decides about."""

    request: web.Request
    exchange: Exchange
    credentials: Credentials
    scheme_of: Callable[[web.Request], str]

    @property
    def scheme(self) -> str:
        """What the client used, `http` or `https`; a trusted proxy may have said it."""
        return self.scheme_of(self.request)


@dataclass(frozen=True, slots=True)
class NotAdmitted:
    """The credential is not valid: 401. The log alone gets the reason, never the credential."""

    why: str


@dataclass(frozen=True, slots=True)
class Undecided:
    """Nobody can say now whether it is valid: 503 `auth_unavailable`."""

    why: str
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """The way answers by itself, such as by a redirect to a log-in page."""

    answer: web.StreamResponse


Verdict = Identity | NotAdmitted | Undecided | Answered


class Way(Protocol):
    """One way of authentication, by its name in the file; it lives as long as its section is the same."""

    @property
    def name(self) -> str: ...

    def challenge(
        self, asked: Asked, *, refused: bool = False, scopes: Sequence[str] = ()
    ) -> str | None:
        """The challenge of a 401 (RFC 9110 §11.6.1), or, with `scopes`, of a 403; None: it has none.

        `refused`: the request has a credential for this way, which is not valid.
        """

    def takes(self, asked: Asked) -> bool:
        """Whether the request has a credential for this way, valid or not. It costs little."""

    def known(self, asked: Asked) -> Identity | None:
        """The identity, if this very credential was found valid before and still is. It costs little."""

    async def decide(self, asked: Asked) -> Verdict:
        """Decide about a request that the way takes."""

    async def without_credential(self, asked: Asked) -> Answered | None:
        """An answer to a request that no way takes, such as a redirect; None: 401."""

    def without_session(self, cookie: bytes) -> bytes:
        """The value of Cookie without the cookies of this way, which may be all of it."""

    async def run(self) -> None:
        """The background work of the way; returns at once if it has none."""

    def describe(self) -> Mapping[str, object]:
        """What `/status` says of the way; nothing secret."""


@runtime_checkable
class AnswersPaths(Protocol):
    """A way that answers requests at paths of its own."""

    async def answer(self, asked: Asked, path: str, ways: Sequence[Way]) -> web.StreamResponse:
        """Answer a request at one of them; `ways` have that path on this host, and this way is the first.

        Raises a Failure.
        """


@runtime_checkable
class Prepares(Protocol):
    """A way that can decide nothing before it has asked somebody."""

    async def prepared(self) -> None:
        """Wait until it has asked once, whatever the answer was."""


@runtime_checkable
class FollowsKeys(Protocol):
    """A way that knows the API keys of the registry."""

    async def keys_changed(self) -> None:
        """Wait until it has what was just done to them, or the registry is away."""


@runtime_checkable
class HasPaths(Protocol):
    """A specification of a way with paths of its own, on the hosts of its routes alone."""

    @property
    def own_paths(self) -> tuple[str, ...]:
        """The exact paths, for any method."""


class Spec(Protocol):
    """What the file says of a way: a frozen value; of equal ones there is one live way."""

    @property
    def reads(self) -> frozenset[bytes]:
        """The fields that credentials come in, by lower-case name; no instance gets them."""

    @property
    def drops(self) -> frozenset[bytes]:
        """Fields that only the way may send to an instance, on any route of the file, by lower-case name."""

    @property
    def has_sessions(self) -> bool:
        """Whether it reads a cookie of ours."""
