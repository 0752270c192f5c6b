"""Proof Key for Code Exchange (RFC 7636), by S256 alone."""

import hashlib

from middlewares.auth.ways.oidc.deciding.base64url import encode


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636 §4.2)."""
    return encode(hashlib.sha256(verifier.encode("ascii")).digest())
