"""Turns what a file says of balancing into a policy, and into words."""

from typing import Any

from gateway.config.file.balance import Balance as Section
from gateway.config.file.balance import ByHash, HashKey
from middlewares.routing.policy import Balance


def balance(section: Section | None) -> Balance:
    """The policy; that of null is the default one."""
    if section is None:
        return Balance()
    way, slow_start_s = section.by, section.slow_start_s
    if not isinstance(way, ByHash):
        return Balance(by=way, slow_start_s=slow_start_s)
    key = way.hash
    if not isinstance(key, HashKey):
        return Balance("hash", "client", b"", slow_start_s)
    if key.cookie is not None:
        return Balance("hash", "cookie", key.cookie.encode("ascii"), slow_start_s)
    assert key.header is not None, "one of both is there"
    return Balance("hash", "header", key.header.lower().encode("ascii"), slow_start_s)


def balance_text(policy: Balance) -> str:
    """The policy in words."""
    way: Any = policy.by
    if way == "hash":
        way = f"hash of {policy.hash_of} {policy.name.decode('ascii')}".rstrip()
    return f"{way}, slow start {policy.slow_start_s:g} s" if policy.slow_start_s else way
