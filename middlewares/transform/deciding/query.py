"""What the rules for the query make of a target; members that no rule is about stay byte for byte."""

from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

from middlewares.routing.matching.paths import percent_decoded
from middlewares.transform.deciding.rules import NamedRules
from middlewares.transform.deciding.variables import Landing, Template, Values


@dataclass(frozen=True)
class QueryPlan:
    """Rules for the query in the form that targets are changed by; made once for each route."""

    rules: NamedRules

    def changed(self, query: str, values: Values) -> str:
        """The raw query by the rules; both without the question mark."""
        members = query.split("&") if query else []
        names = [name_in(member) for member in members]
        taken = {new for old, new in self._renamed.items() if old in names}
        left: dict[bytes, str | None] = {
            name: _member(spelled, template, values) for name, (spelled, template) in self._set
        }
        placed = dict(left)
        kept: list[str] = []
        for member, name in zip(members, names, strict=True):
            new = self._renamed.get(name)
            if new is not None:
                _, mark, value = member.partition("=")
                member, name = f"{_spelled(new)}{mark}{value}", new
            elif name in taken:
                continue
            if name in self._removed:
                continue
            if name in placed:
                said = left.pop(name, None)
                if said is None:
                    continue
                member = said
            kept.append(member)
        kept += [said for said in left.values() if said is not None]
        added = (_member(spelled, template, values) for spelled, template in self._add)
        kept += [said for said in added if said is not None]
        return "&".join(kept)

    @cached_property
    def _renamed(self) -> dict[bytes, bytes]:
        return {_raw(old): _raw(new) for old, new in self.rules.rename}

    @cached_property
    def _removed(self) -> frozenset[bytes]:
        return frozenset(map(_raw, self.rules.remove))

    @cached_property
    def _set(self) -> list[tuple[bytes, tuple[str, Template]]]:
        return [(_raw(name), (_spelled(_raw(name)), one)) for name, one in self.rules.set]

    @cached_property
    def _add(self) -> list[tuple[str, Template]]:
        return [(_spelled(_raw(name)), one) for name, one in self.rules.add]


def name_in(member: str) -> bytes:
    """The name of a raw member, decoded as of a form: `+` is a space."""
    name = member.partition("=")[0].encode("utf-8", "surrogateescape").replace(b"+", b" ")
    return percent_decoded(name)


def _member(spelled: str, template: Template, values: Values) -> str | None:
    value = template.fill(values, Landing.QUERY)
    return None if value is None else f"{spelled}={value}"


def _spelled(name: bytes) -> str:
    return quote(name, safe="")


def _raw(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
