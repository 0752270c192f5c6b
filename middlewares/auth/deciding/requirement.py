"""Whom a route admits."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from middlewares.auth.deciding.credentials import API_KEY, AUTHORIZATION
from middlewares.auth.deciding.identity import Claim, Identity


class Missing(NamedTuple):
    """What an identity lacks; `scopes` are those that would do, for the challenge (RFC 6750 §3)."""

    detail: str
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Requirement:
    """Whoever one of the `ways` admits may use the route, if the scopes and claims are there.

    No ways: nobody may. `reads` are the fields that the ways read, `removed` those that an instance does
    not get, by lower-case name. `has_sessions`: one of the ways reads a cookie of ours. `is_open`: everybody
    may, and only what a way alone may say of a client is taken out.
    """

    ways: tuple[str, ...]
    all_scopes: tuple[str, ...] = ()
    any_scopes: tuple[str, ...] = ()
    claims: tuple[tuple[str, frozenset[str]], ...] = ()
    shadow: bool = False
    pass_credentials: bool = False
    reads: frozenset[bytes] = frozenset()
    removed: frozenset[bytes] = frozenset()
    has_sessions: bool = False
    is_open: bool = False

    @cached_property
    def is_bare(self) -> bool:
        """Whether any identity will do."""
        return not (self.all_scopes or self.any_scopes or self.claims)

    @cached_property
    def reads_authorization(self) -> bool:
        return AUTHORIZATION in self.reads

    @cached_property
    def reads_api_key(self) -> bool:
        return API_KEY in self.reads

    def missing(self, identity: Identity) -> Missing | None:
        """What the identity lacks; None: nothing."""
        lacking = tuple(scope for scope in self.all_scopes if scope not in identity.scopes)
        if lacking:
            return Missing(f"it needs {_scopes(lacking)}", lacking)
        if self.any_scopes and identity.scopes.isdisjoint(self.any_scopes):
            return Missing(f"it needs one of {_scopes(self.any_scopes)}", self.any_scopes)
        for name, values in self.claims:
            if not _has_one(identity.claims, name, values):
                return Missing(f'it needs another value of the claim "{name}"')
        return None


def _scopes(scopes: tuple[str, ...]) -> str:
    word = "the scope" if len(scopes) == 1 else "the scopes"
    return f"{word} {', '.join(scopes)}"


def _has_one(claims: Mapping[str, Claim], name: str, values: frozenset[str]) -> bool:
    claim = claims.get(name)
    if claim is None:
        return False
    found = claim if isinstance(claim, tuple) else (claim,)
    return any(_text(one) in values for one in found)


def _text(value: str | float | bool) -> str:
    """As the file's values are written."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
