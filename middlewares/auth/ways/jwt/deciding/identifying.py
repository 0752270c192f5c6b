"""Who the claims of a verified token are about, and what they may do."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from middlewares.auth.deciding import Claim, Identity
from middlewares.auth.ways.jwt.deciding.tokens import BadToken

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def identity_of(
    claims: Mapping[str, Any],
    *,
    way: str,
    method: str = "jwt",
    subject: str = "sub",
    scopes: str = "scope",
    ends_s: float,
) -> Identity:
    """The identity; `subject` and `scopes` name the claims. Raises BadToken."""
    found = claims.get(subject)
    if not isinstance(found, str):
        raise BadToken(f"it has no text as {subject}")
    try:
        return Identity(
            way,
            method,
            found,
            scopes=scopes_of(claims, scopes),
            claims=dict(_comparable(claims)),
            ends_s=ends_s,
        )
    except ValueError as error:
        raise BadToken(f"in {subject}, {error}") from None


def scopes_of(claims: Mapping[str, Any], name: str) -> frozenset[str]:
    """The scopes of a claim: a text with spaces between them (RFC 8693 §4.2), or a list. Raises BadToken.

    One with characters that no scope has (RFC 6749 §3.3) is left out, since no route can ask for it.
    """
    found = claims.get(name)
    if found is None:
        return frozenset()
    each = found.split(" ") if isinstance(found, str) else found
    if not isinstance(each, list) or not all(isinstance(one, str) for one in each):
        raise BadToken(f"{name} is no text and no list of texts")
    scopes = frozenset(filter(None, each))
    # A space within one would make two of it where they are sent on.
    if not all(one.isprintable() and " " not in one for one in scopes):
        raise BadToken(f"{name} has a scope with spaces or control characters")
    return frozenset(filter(_SCOPE.fullmatch, scopes))


def _comparable(claims: Mapping[str, Any]) -> Iterator[tuple[str, Claim]]:
    """The claims that a route can ask for: texts, numbers, true and false, and lists of these."""
    for name, value in claims.items():
        if isinstance(value, str | int | float):
            yield name, value
        elif isinstance(value, list):
            yield name, tuple(one for one in value if isinstance(one, str | int | float))
