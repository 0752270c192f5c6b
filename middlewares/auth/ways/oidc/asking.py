"""What a way reads of the request of a browser."""

from dataclasses import dataclass, field

from middlewares.auth.way import Asked
from middlewares.auth.ways.oidc.deciding.cookies import pairs_of
from middlewares.auth.ways.oidc.deciding.provider import is_this_machine
from middlewares.exchange import Exchange


@dataclass(frozen=True, slots=True)
class Browser:
    """Who asks: the origin and the host (lower case, without the port) that it sees, and its cookies' names."""

    origin: str
    host: str
    cookie: bytes = field(repr=False)
    #: Nobody on the way reads its cookies: https, or it is on this machine. It names a host, too.
    is_guarded: bool

    @classmethod
    def of(cls, asked: Asked) -> "Browser":
        """Read a request."""
        authority = asked.exchange.asked_host.decode("latin-1").lower().rpartition("@")[2]
        host = host_of(asked.exchange)
        guarded = host != "" and (
            asked.scheme == "https"
            or is_this_machine(host)
            or is_this_machine(asked.exchange.client_ip)
        )
        cookie = asked.credentials.cookie or b""
        return cls(f"{asked.scheme}://{authority}", host, cookie, guarded)

    @property
    def cookies(self) -> list[str]:
        """The names of the cookies that it sent."""
        return [name for name, _ in pairs_of(self.cookie)]


def host_of(exchange: Exchange) -> str:
    """The host that was asked for, in lower case and without its port: cookies know no ports."""
    authority = exchange.asked_host.decode("latin-1").lower().rpartition("@")[2]
    if authority.startswith("["):
        return authority.partition("]")[0] + "]"
    return authority.partition(":")[0]
