"""What a request asks of the cache: whether it may be answered from there, and under which key."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

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
    FieldKinds,
)
from middlewares.cache.deciding.head_plans import (
    ORDINARY_BYTES,
    PSEUDONYM,
    HeadPlan,
    looks_like_an_id,
    plan_of,
)
from middlewares.cache.deciding.keys import key_of_fields, primary_key, without_members
from middlewares.cache.deciding.varying import secondary
from middlewares.cache.entry import Entry, FieldLine
from middlewares.cache.policy import CachePolicy
from middlewares.head_changes import HeadChanges
from middlewares.header_section import HeaderSection, ReadSection
from middlewares.memory import Memory

#: So many lists of names are remembered, and the longest of them.
HEADS: Final = 512
NAMES_BYTES: Final = 1024
#: How many policies' kinds of fields are remembered.
POLICIES: Final = 256

_NEVER_NAMED = frozenset((b"host", b"content-length"))
_OF_TRUSTED = frozenset((TRUSTED, FORWARDED))
_NOT_ASKED = frozenset((b"", b"h2c"))
_NOTHING: Mapping[bytes, bytes] = {}
_NO_NAMES: frozenset[bytes] = frozenset()


class Identified(Protocol):
    """Who has sent a request, and what an instance is told of that."""

    @property
    def key(self) -> str: ...

    @property
    def sent_lines(self) -> bytes: ...


class Bypass(NamedTuple):
    """The cache has no part in the request; `why` is a token for Cache-Status."""

    why: str


_METHOD, _BODY = Bypass("method"), Bypass("body")
_UPGRADE, _NO_STORE, _PRECONDITION = map(Bypass, ("upgrade", "no-store", "precondition"))
#: Nothing that is kept may be used, and the client wants nothing else.
ONLY_IF_CACHED: Final = Bypass("only-if-cached")


@dataclass(slots=True)
class ReadFields:
    """What the fields of a request say to the cache.

    `fields` are those that a shared request has: none of one connection, no conditions and no range, and of
    Via what says that it came through here. With a `bypass` the cache has no part in it.
    """

    key: bytes
    directives: RequestDirectives
    conditions: Conditions
    has_credentials: bool
    bypass: Bypass | None
    #: None: nobody has asked for them yet, and `later` has them.
    read: tuple[FieldLine, ...] | None
    later: "Callable[[], ReadFields] | None" = None

    @property
    def fields(self) -> tuple[FieldLine, ...]:
        if self.read is None:
            assert self.later is not None
            self.read = self.later().fields
        return self.read


@dataclass(slots=True)
class Asked:
    """A request that may be answered from the cache, or fill it.

    `target` is what an instance is asked for, without the ignored members of the query.
    """

    method: str
    key: bytes
    scheme: str
    host: bytes
    target: str
    has_credentials: bool
    is_keyed_by_subject: bool
    read: ReadFields

    @property
    def is_apart(self) -> bool:
        """Whether the service sees a credential that is not in the key."""
        return self.has_credentials and not self.is_keyed_by_subject

    @property
    def flight_key(self) -> bytes:
        """The key of what is under way for it, or could not be kept: who has a credential waits for nobody else."""
        return self.key + b"!" if self.is_apart else self.key

    def takes(self, entry: Entry) -> bool:
        """Whether the entry may answer it: one that says that anybody may have it, or one made for its like.

        RFC 9111 §3.5 speaks of answers to requests with credentials; the service may have said something else to
        one without.
        """
        return not self.is_apart or entry.freshness.is_for_all

    @property
    def url(self) -> bytes:
        """Scheme, host and target, for purges."""
        return url_of(self.scheme, self.host, self.target)

    @property
    def directives(self) -> RequestDirectives:
        return self.read.directives

    @property
    def conditions(self) -> Conditions:
        return self.read.conditions

    @property
    def fields(self) -> tuple[FieldLine, ...]:
        """The client's fields as a shared request has them."""
        return self.read.fields

    def secondary(self, names: tuple[bytes, ...]) -> bytes:
        """The secondary key for the names of Vary."""
        return secondary(names, self.read.fields) if names else b""


def url_of(scheme: str, host: bytes, target: str) -> bytes:
    """A URL as purges name it; the host is in lower case."""
    sent = target.encode("utf-8", "surrogateescape")
    return b"%b://%b%b" % (scheme.encode("ascii"), host.lower(), sent)


#: Plans by the names of a head, who sent it, and what is removed.
_Plans = Memory[tuple[bytes, bool, frozenset[bytes]], HeadPlan]


class Rules:
    """How the fields of one policy's requests are read, with what was found out about them before."""

    __slots__ = ("keys_credentials", "kinds", "plans")

    def __init__(self, policy: CachePolicy) -> None:
        self.kinds = FieldKinds(policy)
        self.keys_credentials = policy.by == "subject"
        self.plans: _Plans = Memory("cache_heads", entries=HEADS, entry_bytes=NAMES_BYTES)


class Asker:
    """Asks for the requests of one route."""

    __slots__ = ("_by_subject", "_ignored", "_route", "_rules")

    def __init__(self, route: bytes, policy: CachePolicy, rules: Rules) -> None:
        self._route = route
        self._ignored = policy.ignore_query
        self._by_subject = policy.by == "subject"
        self._rules = rules

    def ask(
        self,
        method: str,
        section: HeaderSection,
        target: str,
        host: bytes,
        scheme: str,
        *,
        trusted: bool = False,
        identity: Identified | None = None,
        changes: HeadChanges | None = None,
        body: bytes | None = None,
    ) -> Asked | Bypass:
        """What the request asks of the cache.

        `host` and `scheme` are those that were asked for, and `trusted` says whether a trusted proxy sent it.
        `changes` are what the layers before change in it. `body` is that of a QUERY, and None if it is not
        whole.
        """
        if method == "GET" or method == "HEAD":
            if section.has_body:
                return _BODY
            asked_with = b""
        elif method == "QUERY":
            if body is None:
                return _BODY
            asked_with = b"QUERY" + body
        else:
            return _METHOD
        read = self._read(section, trusted, changes)
        if read.bypass is not None:
            return read.bypass
        if self._ignored and "?" in target:
            target = without_members(target, self._ignored)
        subject = b""
        by_subject = self._by_subject and identity is not None
        if by_subject and identity is not None:
            subject = b"%b\n%b" % (identity.key.encode("ascii"), identity.sent_lines)
        key = primary_key(self._route, scheme, host, target, read.key, subject, asked_with)
        has_credentials = read.has_credentials or identity is not None
        return Asked(method, key, scheme, host, target, has_credentials, by_subject, read)

    def _read(
        self, section: HeaderSection, trusted: bool, changes: HeadChanges | None
    ) -> ReadFields:
        removed, replaced = _NO_NAMES, _NOTHING
        if changes is not None:
            removed, replaced = changes.removed, changes.replaced
        if isinstance(section, ReadSection) and not replaced:
            names = section.names
            rules = self._rules
            plan = rules.plans.recall((names, trusted, removed))
            if plan is None:
                plan = self._plan(names, trusted, removed)
            key = plan.key_of(section.block)
            if key is not None:
                later = partial(self._read_one_by_one, section, trusted, removed, replaced)
                has_credentials = plan.has_credentials
                return ReadFields(
                    key, NO_DIRECTIVES, NO_CONDITIONS, has_credentials, None, None, later
                )
        return self._read_one_by_one(section, trusted, removed, replaced)

    def _plan(self, names: bytes, trusted: bool, removed: frozenset[bytes]) -> HeadPlan:
        rules = self._rules
        plan = plan_of(
            names.split(b","),
            rules.kinds,
            trusted=trusted,
            removed=removed,
            keys_credentials=rules.keys_credentials,
        )
        return rules.plans.keep((names, trusted, removed), plan, len(names))

    def _read_one_by_one(
        self,
        section: HeaderSection,
        trusted: bool,
        removed: frozenset[bytes],
        replaced: Mapping[bytes, bytes],
    ) -> ReadFields:
        rules, fields = self._rules, section.fields
        rules.kinds.hits += len(fields)
        return read_fields(
            fields,
            rules.kinds,
            trusted=trusted,
            removed=removed,
            replaced=replaced,
            keys_credentials=rules.keys_credentials,
        )


class Askers:
    """The askers of one worker, with all that they remember."""

    def __init__(self) -> None:
        self._rules: dict[CachePolicy, Rules] = {}

    def of(self, route: bytes, policy: CachePolicy) -> Asker:
        """The asker of a route with this fingerprint; keep it with the route."""
        rules = self._rules.get(policy)
        if rules is None:
            if len(self._rules) >= POLICIES:  # by a reload again and again
                self._rules.clear()
            rules = self._rules[policy] = Rules(policy)
        return Asker(route, policy, rules)

    def memories(self) -> Iterator[Memory[Any, Any]]:
        """What is remembered, for the metrics."""
        for rules in self._rules.values():
            yield rules.kinds
            yield rules.plans


def read_fields(
    fields: Sequence[FieldLine],
    kinds: Mapping[bytes, int],
    *,
    trusted: bool,
    removed: frozenset[bytes] = _NO_NAMES,
    replaced: Mapping[bytes, bytes] = _NOTHING,
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
    bypass = _UPGRADE if is_upgrade else _bypass(said, conditional)
    if bypass is not None and said.only_if_cached:
        bypass = ONLY_IF_CACHED
    return ReadFields(key_of_fields(keyed), said, conditional, has_credentials, bypass, tuple(sent))


def _bypass(said: RequestDirectives, conditions: Conditions) -> Bypass | None:
    if said.no_store:
        return _NO_STORE
    # Only the service knows whether the current representation meets these (RFC 9110 §13.1.1, §13.1.4).
    if conditions.if_match is not None or conditions.if_unmodified_since is not None:
        return _PRECONDITION
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
