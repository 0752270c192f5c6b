"""What a request asks of the cache: whether it may be answered from there, and under which key."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final, Protocol

from middlewares.cache.deciding.asked import BODY, METHOD, Asked, Bypass, ReadFields
from middlewares.cache.deciding.conditions import NO_CONDITIONS
from middlewares.cache.deciding.directives import NO_DIRECTIVES
from middlewares.cache.deciding.field_kinds import FieldKinds
from middlewares.cache.deciding.head_plans import HeadPlan, plan_of
from middlewares.cache.deciding.keys import joined, primary_key, without_members
from middlewares.cache.deciding.request_fields import NO_NAMES, NOTHING, read_fields
from middlewares.cache.policy import CachePolicy
from middlewares.head_changes import HeadChanges
from middlewares.header_section import HeaderSection, ReadSection
from middlewares.memory import Memory

#: So many lists of names are remembered, and the longest of them.
HEADS: Final = 512
NAMES_BYTES: Final = 1024
#: How many policies' kinds of fields are remembered.
POLICIES: Final = 256


class Identified(Protocol):
    """Who has sent a request, and what an instance is told of that."""

    @property
    def key(self) -> str: ...

    @property
    def sent_lines(self) -> bytes: ...


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
        selected: bytes = b"",
    ) -> Asked | Bypass:
        """What the request asks of the cache.

        `host` and `scheme` are those that were asked for, and `trusted` says whether a trusted proxy sent it.
        `changes` are what the layers before change in it. `body` is that of a QUERY, and None if it is not
        whole. `selected` is what else tells its answers from others of the same URL.
        """
        if method == "GET" or method == "HEAD":
            if section.has_body:
                return BODY
            asked_with = b""
        elif method == "QUERY":
            if body is None:
                return BODY
            asked_with = b"QUERY" + body
        else:
            return METHOD
        read = self._read(section, trusted, changes)
        if read.bypass is not None:
            return read.bypass
        if self._ignored and "?" in target:
            target = without_members(target, self._ignored)
        subject = b""
        by_subject = self._by_subject and identity is not None
        if by_subject and identity is not None:
            subject = b"%b\n%b" % (identity.key.encode("ascii"), identity.sent_lines)
        if selected:  # a subject has no NUL
            subject = b"\0" + joined((selected, subject))
        key = primary_key(self._route, scheme, host, target, read.key, subject, asked_with)
        has_credentials = read.has_credentials or identity is not None
        return Asked(method, key, scheme, host, target, has_credentials, by_subject, read)

    def _read(
        self, section: HeaderSection, trusted: bool, changes: HeadChanges | None
    ) -> ReadFields:
        removed, replaced = NO_NAMES, NOTHING
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
