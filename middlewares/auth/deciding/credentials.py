"""What a request carries to say who sends it."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from middlewares.failures import BadRequest
from middlewares.hygiene.deciding import FieldLine

AUTHORIZATION: Final = b"authorization"
API_KEY: Final = b"x-api-key"
COOKIE: Final = b"cookie"


class Credentials(NamedTuple):
    """The credentials of a request; a field that it does not have is None.

    `scheme` is that of Authorization in lower case, `token` what stands behind it. `cookie` is every
    Cookie, joined as RFC 9113 §8.2.3 joins them.
    """

    scheme: bytes | None = None
    token: bytes = b""
    api_key: bytes | None = None
    cookie: bytes | None = None

    @property
    def carries_several(self) -> bool:
        """Whether there are two of Authorization and X-API-Key."""
        return self.scheme is not None and self.api_key is not None

    @property
    def bearer(self) -> bytes | None:
        """What stands behind `Bearer`; None: there is no such credential."""
        return self.token if self.scheme == b"bearer" else None


def credentials_of(fields: Sequence[FieldLine]) -> Credentials:
    """Read these fields. Raises BadRequest for one that comes twice."""
    scheme: bytes | None = None
    token = b""
    api_key: bytes | None = None
    cookies: list[bytes] = []
    for name, value in fields:
        name = name.lower()
        if name == AUTHORIZATION:
            if scheme is not None:
                raise BadRequest("the request has more than one Authorization")
            first, _, rest = value.partition(b" ")
            scheme, token = first.lower(), rest.strip(b" \t")
        elif name == API_KEY:
            if api_key is not None:
                raise BadRequest("the request has more than one X-API-Key")
            api_key = value
        elif name == COOKIE:
            cookies.append(value)
    return Credentials(scheme, token, api_key, b"; ".join(cookies) if cookies else None)
