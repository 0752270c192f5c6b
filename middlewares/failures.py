"""What can go wrong with a request, as types without HTTP: who is to blame, and may it be retried."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:  # a gateway without a file loads nothing of this
    from middlewares.version_ranges import VersionRange


class Failure(Exception):
    """A request can't be answered as asked; the message is for the client and names no inside.

    `cause` is the exception that led to it, if one did. Compiled code loses the one behind `raise … from`.
    """

    #: Nothing of the request reached an application, so another instance may be tried.
    retryable: ClassVar[bool] = False
    #: What the problem document says beside what every one says.
    members: Mapping[str, Any] = {}

    def __init__(self, detail: str = "", *, cause: BaseException | None = None) -> None:
        super().__init__(detail)
        self.cause = cause

    @property
    def detail(self) -> str:
        return str(self)

    @property
    def seen(self) -> str:
        """What is for people who operate, and not for the client; often nothing."""
        cause = self.cause
        return str(cause) or type(cause).__name__ if cause is not None else ""


class ClientFailure(Failure):
    """The request is the reason; it counts against no instance."""


class BadRequest(ClientFailure):
    """The request breaks HTTP's rules, or one of its parameters is not valid."""


class AmbiguousPath(ClientFailure):
    """A service could read the path as another one; the message says why."""


class InvalidRequest(ClientFailure):
    """The request is not as the service's own document describes it; `errors` say what, for the client."""

    def __init__(self, detail: str, errors: Sequence[Mapping[str, Any]] = ()) -> None:
        self.members: Mapping[str, Any] = {"errors": list(errors)} if errors else {}
        super().__init__(detail)


class Unauthorized(ClientFailure):
    """The call needs a credential that is missing or not valid; the challenges say which (RFC 9110 §11.6.1)."""

    def __init__(self, detail: str, challenges: tuple[str, ...] = ("Bearer",)) -> None:
        self.challenges = challenges
        super().__init__(detail)


class Forbidden(ClientFailure):
    """The call is not allowed to whoever asks; the challenges say which scope would do (RFC 6750 §3.1)."""

    def __init__(self, detail: str, challenges: tuple[str, ...] = ()) -> None:
        self.challenges = challenges
        super().__init__(detail)


class AuthUnavailable(Failure):
    """Nobody can say now whether a credential is valid."""

    def __init__(self, retry_after_s: int | None = None) -> None:
        self.retry_after_s = retry_after_s
        super().__init__("who you are can't be checked now; try again later")


class RouteNotFound(ClientFailure):
    """No route, and no service of that name."""


class ServiceUnknown(ClientFailure):
    """No service of that name is registered."""


class InstanceUnknown(ClientFailure):
    """No instance of that id is registered."""


class KeyUnknown(ClientFailure):
    """There is no API key of that id."""


class SplitUnknown(ClientFailure):
    """There is no route of that name that has a split."""


class NoConfiguration(ClientFailure):
    """The gateway runs without a configuration file."""

    def __init__(self) -> None:
        super().__init__("the gateway runs without a file: GATEWAY_CONFIG names none")


class OneProcess(ClientFailure):
    """The gateway has no workers that could be replaced."""

    def __init__(self) -> None:
        super().__init__(
            "this gateway is one process, which nobody replaces: start it with GATEWAY_WORKERS=2 or more"
        )


class MasterAway(Failure):
    """The process that keeps the workers does not answer."""

    retry_after_s = 1

    def __init__(self) -> None:
        super().__init__("the master of this gateway's workers does not answer now; try again")


class VersionConflict(ClientFailure):
    """Two places of a request name versions that no instance can have at once."""


class VersionNotFound(ClientFailure):
    """No instance of the service has the version that a request names."""

    def __init__(self, service: str, version: str, there: Sequence[str]) -> None:
        told = f"there is {', '.join(there)}" if there else "its instances have no versions"
        super().__init__(f"{service} has no version {version}; {told}")


class VersionGone(ClientFailure):
    """The version that a request is for is not offered any more since `sunset_s` (Unix time).

    `ended` is the range of versions that the file says it of.
    """

    def __init__(self, version: str, ended: str, sunset_s: int, there: Sequence[str]) -> None:
        self.ended = ended
        day = datetime.fromtimestamp(sunset_s, UTC).strftime("%Y-%m-%d")
        told = f"; there is {', '.join(there)}" if there else ""
        super().__init__(f"version {version} is not offered any more since {day}{told}")


class MethodNotAllowed(ClientFailure):
    """The resource exists, but not with this method."""

    def __init__(self, method: str, allowed: Iterable[str]) -> None:
        self.allowed = tuple(sorted(allowed))
        super().__init__(f"{method} is not allowed here; allowed: {', '.join(self.allowed)}")


class RequestTimeout(ClientFailure):
    """The client took too long to send its request."""


class ExpectationFailed(ClientFailure):
    """An Expect field asks for something other than 100-continue."""


class BodyTooLarge(ClientFailure):
    """The request's body is larger than allowed."""


class UnsupportedBody(ClientFailure):
    """The request's body is of a type or a coding that is not taken here."""


class HeaderTooLarge(ClientFailure):
    """The request line or the header section is larger than allowed."""


class RateLimited(ClientFailure):
    """The client has used up its limit."""

    def __init__(self, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"rate limit reached; try again in {retry_after_s} s")


class NoHealthyInstance(Failure):
    """The service is known, but none of its instances can be used now.

    `ranges`: only those whose version all of these hold could have been.
    """

    def __init__(
        self,
        service: str,
        ranges: "Sequence[VersionRange]" = (),
        *,
        retry_after_s: int = 1,
        cause: BaseException | None = None,
    ) -> None:
        self.service = service
        self.ranges = ranges
        self.retry_after_s = retry_after_s
        of = f" with version {' and '.join(map(str, ranges))}" if ranges else ""
        super().__init__(f"no instance of {service}{of} is available now", cause=cause)


class Overloaded(Failure):
    """There is more work than the gateway takes on at once."""


class ServiceBusy(Overloaded):
    """The service has as many requests in flight as it may have."""

    retry_after_s = 1

    def __init__(self, service: str, most: int) -> None:
        super().__init__(f"{service} has {most} requests in flight already, and takes no more")


class TooManyInFlight(Overloaded):
    """A limit on requests in flight has no room."""

    def __init__(self, retry_after_s: int = 1) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(
            f"as many requests are in flight as may be; try again in {retry_after_s} s"
        )


class OutOfResources(Overloaded):
    """The gateway lacks descriptors, ports, memory or threads for a connection."""

    retryable = True
    retry_after_s = 1


class CircuitOpen(Failure):
    """The service has failed as a whole and gets a pause; `evidence` says how it failed."""

    def __init__(self, service: str, retry_after_s: int, evidence: str = "") -> None:
        self.service = service
        self.retry_after_s = retry_after_s
        self.evidence = evidence
        super().__init__(f"{service} fails and gets a pause")


class OnlyIfCached(Failure):
    """The client wants what is kept alone, and nothing is that may be used (RFC 9111 §5.2.1.7)."""

    def __init__(self) -> None:
        super().__init__(
            "the request says only-if-cached, and no answer is kept that may be used for it"
        )


class ShuttingDown(Failure):
    """The gateway is stopping and takes no new requests."""


class RegistryAway(Failure):
    """The registry does not answer or refuses changes."""

    retry_after_s = 1


class NoView(Failure):
    """The gateway does not know yet what is registered."""

    retry_after_s = 1

    def __init__(self) -> None:
        super().__init__("the registry has not answered yet, so nothing is known of the services")


class LoopDetected(Failure):
    """The request has come through this gateway several times already."""


class UpstreamFailure(Failure):
    """The instance is the reason; `evidence` is what was seen: for the log and probes, not for clients."""

    def __init__(
        self, detail: str, *, evidence: str = "", cause: BaseException | None = None
    ) -> None:
        self.evidence = evidence
        super().__init__(detail, cause=cause)

    @property
    def seen(self) -> str:
        return self.evidence or super().seen


class UpstreamUnreachable(UpstreamFailure):
    """No connection to the instance could be made, so the instance has seen nothing of the request."""

    retryable = True


class UpstreamReset(UpstreamFailure):
    """The connection ended before a response: the instance may have acted on the request.

    `untouched`: it was just closing the connection, and has seen nothing of the request. `reused` is set
    if the connection had carried another request, `was_sending` if the request was not complete yet.
    """

    reused = False
    was_sending = False

    def __init__(self, detail: str, *, untouched: bool = False, evidence: str = "") -> None:
        self.untouched = untouched
        super().__init__(detail, evidence=evidence)


class UpstreamInvalid(UpstreamFailure):
    """What came back is not HTTP."""


class TransformFailed(UpstreamFailure):
    """The answer can't be changed as configured, and is not to pass as it is."""


class PartFailed(Failure):
    """A part of a composition is missing, and there is no answer without it."""


class UpstreamTimeout(UpstreamFailure):
    """The response head did not come in time.

    `waited_s` is how long the instance had for it, if that is less than its time-out: a client may have taken
    most of the request's time for its body.
    """

    waited_s = float("inf")


class UpstreamSilent(UpstreamTimeout):
    """The instance was found to hang, and the request may be made of another one."""

    retryable = True


class DependencyUnavailable(Failure):
    """A service needs another one that does not answer; raised by services, not by the gateway."""

    def __init__(self, dependency: str, why: str, retry_after_s: int = 1) -> None:
        self.dependency = dependency
        self.retry_after_s = retry_after_s
        super().__init__(f"{dependency} is not available: {why}")
