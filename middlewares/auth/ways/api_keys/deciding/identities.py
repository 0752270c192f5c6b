"""Whom a key stands for."""

from middlewares.auth.deciding import Identity
from middlewares.auth.ways.api_keys.deciding.records import OwnLimit
from middlewares.auth.ways.api_keys.deciding.ring import NEVER_S, Entry
from middlewares.limits.deciding import Policy

METHOD = "api_key"
#: The name of each key's own limit: in the fields of answers, and in metrics.
OWN_LIMIT = "key"


def identity_of(entry: Entry, way: str) -> Identity:
    """The identity of a key's owner: its name is the subject."""
    record = entry.record
    return Identity(
        way,
        METHOD,
        record.name,
        frozenset(record.scopes),
        ends_s=None if entry.ends_s == NEVER_S else entry.ends_s,
        limit=None if record.limit is None else policy_of(record.limit),
    )


def policy_of(limit: OwnLimit) -> Policy:
    """A key's own limit, which counts what its subject sends to all routes."""
    return Policy(OWN_LIMIT, limit.requests, round(limit.window_s * 1_000_000), by="subject")
