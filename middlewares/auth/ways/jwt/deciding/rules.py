"""What a token must be; it needs none of the cryptography."""

from dataclasses import dataclass
from typing import Final

#: `typ` of access tokens (RFC 9068 §2.1) and of others, in lower case.
ANY_JWT: Final = frozenset(["jwt", "at+jwt"])


@dataclass(frozen=True, slots=True)
class Rules:
    """What a token must be; `types` are values of `typ` in lower case, without `application/`."""

    issuer: str
    audiences: frozenset[str]
    algorithms: frozenset[str]
    leeway_s: float = 30.0
    types: frozenset[str] = ANY_JWT
