"""Proof Key for Code Exchange (RFC 7636), by S256 alone."""

import hashlib
from typing import Final

from middlewares.auth.ways.oidc.deciding.base64url import encode

#: RFC 7636 §4.1 wants 43 to 128 characters; 32 random bytes make 43.
VERIFIER_BYTES: Final = 32


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636 §4.2)."""
    return encode(hashlib.sha256(verifier.encode("ascii")).digest())
