"""Reads the fields of a request for the cache, one by one."""

from collections.abc import Mapping, Sequence
from typing import Final

from middlewares.cache.deciding import asked
from middlewares.cache.deciding.asked import Bypass, ReadFields
from middlewares.cache.deciding.conditions import NO_CONDITIONS, Conditions
from middlewares.cache.deciding.directives import (
    NO_DIRECTIVES,
    RequestDirectives,
    request_directives,
)
from middlewares.cache.deciding.field_kinds import (
    CACHE_CONTROL,
    CONDITION,
    CONNECTION,
    CREDENTIAL,
    FORWARDED,
    HOST,
    KEYED,
    PRAGMA,
    TRACE,
    TRUSTED,
    UNSENT,
    UPGRADE,
    VIA,
)
from middlewares.cache.deciding.head_plans import ORDINARY_BYTES, PSEUDONYM, looks_like_an_id
from middlewares.cache.deciding.keys import key_of_fields
from middlewares.cache.entry import FieldLine

NOTHING: Final[Mapping[bytes, bytes]] = {}
NO_NAMES: Final[frozenset[bytes]] = frozenset()

_NEVER_NAMED = frozenset((b"host", b"content-length"))
_OF_TRUSTED = frozenset((TRUSTED, FORWARDED))
_NOT_ASKED = frozenset((b"", b"h2c"))


def read_fields(
    fields: Sequence[FieldLine],
    kinds: Mapping[bytes, int],
    *,
    trusted: bool,
    removed: frozenset[bytes] = NO_NAMES,
    replaced: Mapping[bytes, bytes] = NOTHING,
    keys_credentials: bool = False,
) -> ReadFields:
    """Read a request's fields; the last are as in HeadChanges.

    `keys_credentials`: the credentials that an instance sees are in the key.
    """
    sent: list[FieldLine] = []
    keyed: list[FieldLine] = []
    directives: list[bytes] = []
    pragmas: list[bytes] = []
    conditions: dict[int, bytes] = {}
    has_credentials = is_upgrade = False
    times_here = 0
    left = dict(replaced)
    for line in fields:
        name, value = line
        kind = kinds[name]
        if kind == CREDENTIAL:
            has_credentials = True
        if removed or replaced:
            read_as = name.lower().replace(b"_", b"-")
            if read_as in removed:
                continue
            if read_as in replaced:
                if read_as not in left:
                    continue
                value = left.pop(read_as)
                line = (name, value)
        if kind == KEYED:
            keyed.append((name.lower(), value))
        elif kind <= TRACE:  # LEFT or TRACE
            if len(value) > ORDINARY_BYTES or (kind == TRACE and not looks_like_an_id(value)):
                keyed.append((name.lower(), value))
        elif kind == UNSENT:
            continue
        elif kind == CACHE_CONTROL:
            directives.append(value)
        elif kind == PRAGMA:
            pragmas.append(value)
        elif kind == CREDENTIAL:
            if keys_credentials:
                keyed.append((name.lower(), value))
        elif kind in _OF_TRUSTED:
            if not trusted:
                continue
            if kind == FORWARDED:
                value = without_addresses(value)
            keyed.append((name.lower(), value))
        elif kind == CONNECTION:
            if _named(value):
                return read_fields(
                    _unnamed(fields, kinds),
                    kinds,
                    trusted=trusted,
                    removed=removed,
                    replaced=replaced,
                    keys_credentials=keys_credentials,
                )
            continue
        elif kind == UPGRADE:
            is_upgrade = is_upgrade or not _asks_for_nothing(value)
            continue
        elif kind == VIA:
            times_here += _times_here(value)
            continue
        elif kind >= CONDITION:
            before = conditions.get(kind)
            conditions[kind] = value if before is None else before + b", " + value
            continue
        else:
            assert kind == HOST
        sent.append(line)
    if times_here:
        # In the key, because a request that goes in circles would wait for the flight that sent it.
        keyed.append((b"via", b"%d" % times_here))
        sent.append((b"Via", b", ".join([b"1.1 " + PSEUDONYM] * times_here)))
    said = request_directives(directives, pragmas) if directives or pragmas else NO_DIRECTIVES
    conditional = _conditions(conditions) if conditions else NO_CONDITIONS
    bypass = asked.UPGRADE if is_upgrade else _bypass(said, conditional)
    if bypass is not None and said.only_if_cached:
        bypass = asked.ONLY_IF_CACHED
    return ReadFields(key_of_fields(keyed), said, conditional, has_credentials, bypass, tuple(sent))


def _bypass(said: RequestDirectives, conditions: Conditions) -> Bypass | None:
    if said.no_store:
        return asked.NO_STORE
    # Only the service knows whether the current representation meets these (RFC 9110 §13.1.1, §13.1.4).
    if conditions.if_match is not None or conditions.if_unmodified_since is not None:
        return asked.PRECONDITION
    return None


def _conditions(found: Mapping[int, bytes]) -> Conditions:
    return Conditions(*[found.get(CONDITION + place) for place in range(6)])


def _named(connection: bytes) -> frozenset[bytes]:
    """The fields that Connection names, which no instance sees."""
    options = {option.strip(b" \t").lower() for option in connection.split(b",")}
    return frozenset(options - _NEVER_NAMED - {b"", b"close", b"keep-alive"})


def _unnamed(fields: Sequence[FieldLine], kinds: Mapping[bytes, int]) -> Sequence[FieldLine]:
    """The fields without Connection and those that it names; Upgrade stays, which it has to name."""
    named = _named(b",".join(value for name, value in fields if kinds[name] == CONNECTION))
    return [
        (name, value)
        for name, value in fields
        if (kind := kinds[name]) != CONNECTION and (kind == UPGRADE or name.lower() not in named)
    ]


def _times_here(via: bytes) -> int:
    """How often a request has come through a gateway of ours."""
    if PSEUDONYM not in via:
        return 0
    return sum(item.split()[1:2] == [PSEUDONYM] for item in via.split(b","))


def _asks_for_nothing(upgrade: bytes) -> bool:
    """Whether Upgrade names only what the gateway never passes on."""
    return {one.strip(b" \t").lower() for one in upgrade.split(b",")} <= _NOT_ASKED


def without_addresses(forwarded: bytes) -> bytes:
    """A value of Forwarded without `for` and `by`, which differ for each client (RFC 7239 §5)."""
    elements = [
        b";".join(pair for pair in element.split(b";") if not _is_address(pair))
        for element in forwarded.split(b",")
    ]
    return b",".join(elements)


def _is_address(pair: bytes) -> bool:
    return pair.partition(b"=")[0].strip(b" \t").lower() in (b"for", b"by")
