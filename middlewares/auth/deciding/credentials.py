"""What a request carries to say who sends it."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from middlewares.header_section import HeaderSection, ReadSection
from middlewares.hygiene.deciding import FieldLine

AUTHORIZATION: Final = b"authorization"
API_KEY: Final = b"x-api-key"
COOKIE: Final = b"cookie"

TWO_AUTHORIZATIONS: Final = "the request has more than one Authorization"
TWO_API_KEYS: Final = "the request has more than one X-API-Key"
#: The scheme of Authorization for tokens and keys (RFC 6750).
BEARER: Final = b"bearer"


class Credentials(NamedTuple):
    """The credentials of a request; a field that it does not have is None.

    `scheme` is that of Authorization in lower case, `token` what stands behind it. `cookie` is every
    Cookie, joined as RFC 9113 §8.2.3 joins them. `mistake`: a field came twice, so that nobody knows
    which one counts.
    """

    scheme: bytes | None = None
    token: bytes = b""
    api_key: bytes | None = None
    cookie: bytes | None = None
    mistake: str | None = None

    @property
    def may_be_wrong(self) -> bool:
        """Whether there are two of Authorization and X-API-Key, or two of one of them."""
        return self.mistake is not None or (self.api_key is not None and self.scheme is not None)

    @property
    def bearer(self) -> bytes | None:
        """What stands behind `Bearer`; None: there is no such credential."""
        return self.token if self.scheme == BEARER else None


def credentials_in(section: HeaderSection) -> Credentials:
    """Those of a request."""
    if isinstance(section, ReadSection):
        return credentials_of_lines(section.credential_lines)
    return credentials_of(section.credentials)


def credentials_of_lines(lines: Sequence[bytes]) -> Credentials:
    """As `credentials_of`, for the line `NAME: VALUE` of each of CREDENTIAL_FIELDS, or an empty one."""
    authorization, api_key, cookie = lines
    scheme: bytes | None = None
    token = b""
    if authorization:
        scheme, _, token = authorization[15:].partition(b" ")
        scheme, token = scheme.lower(), token.strip(b" \t")
    return Credentials(
        scheme, token, api_key[11:] if api_key else None, cookie[8:] if cookie else None
    )


def credentials_of(fields: Sequence[FieldLine]) -> Credentials:
    """Read these fields."""
    scheme: bytes | None = None
    token = b""
    api_key: bytes | None = None
    mistake: str | None = None
    cookies: list[bytes] = []
    for name, value in fields:
        name = name.lower()
        if name == AUTHORIZATION:
            if scheme is not None:
                mistake = TWO_AUTHORIZATIONS
            first, _, rest = value.partition(b" ")
            scheme, token = first.lower(), rest.strip(b" \t")
        elif name == API_KEY:
            if api_key is not None:
                mistake = TWO_API_KEYS
            api_key = value
        elif name == COOKIE:
            cookies.append(value)
    return Credentials(scheme, token, api_key, b"; ".join(cookies) if cookies else None, mistake)
