"""What the rules for the query make of a target; members that no rule is about stay byte for byte."""

from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

from middlewares.routing.matching.paths import decoded
from middlewares.transform.deciding.rules import NamedRules
from middlewares.transform.deciding.variables import NO_VALUES, Landing, Template, Values


@dataclass(frozen=True)
class QueryPlan:
    """Rules for the query in the form that targets are changed by; made once for each route."""

    rules: NamedRules

    def changed(self, query: str, values: Values) -> str:
        """The raw query by the rules; both without the question mark."""
        renamed, removed = self._renamed, self._removed
        left = {name: said.filled(values) for name, said in self._set.items()} if self._set else {}
        kept: list[str] = []
        if query:
            members = query.split("&")
            names = list(map(name_in, members))
            taken = {new for old, new in renamed.items() if old in names} if renamed else ()
            placed = dict(left)
            for member, name in zip(members, names, strict=True):
                if name in renamed:
                    name = renamed[name]
                    member = f"{_spelled(name)}{member[len(member.partition('=')[0]) :]}"
                elif name in taken:
                    continue
                if name in removed:
                    continue
                if name in placed:
                    said = left.pop(name, None)
                    if said is None:
                        continue
                    member = said
                kept.append(member)
        kept += [said for said in left.values() if said is not None]
        if self._add:
            added = (member.filled(values) for member in self._add)
            kept += [said for said in added if said is not None]
        return "&".join(kept)

    @cached_property
    def _renamed(self) -> dict[str, str]:
        return dict(self.rules.rename)

    @cached_property
    def _removed(self) -> frozenset[str]:
        return frozenset(self.rules.remove)

    @cached_property
    def _set(self) -> dict[str, "_Member"]:
        return {name: _Member(_spelled(name), one) for name, one in self.rules.set}

    @cached_property
    def _add(self) -> list["_Member"]:
        return [_Member(_spelled(name), one) for name, one in self.rules.add]


class _Member:
    """A member of a query whose value is a template."""

    def __init__(self, name: str, template: Template) -> None:
        self._name = name
        self._template = template
        self._constant = None if template.variables else self._filled(NO_VALUES)

    def filled(self, values: Values) -> str | None:
        """The member, encoded; None: a value is missing."""
        return self._constant or self._filled(values)

    def _filled(self, values: Values) -> str | None:
        value = self._template.fill(values, Landing.QUERY)
        return None if value is None else f"{self._name}={value}"


def name_in(member: str) -> str:
    """The name of a raw member, decoded as of a form: `+` is a space."""
    name = member.partition("=")[0]
    return decoded(name.replace("+", " ")) if "%" in name or "+" in name else name


def _spelled(name: str) -> str:
    return quote(name.encode("utf-8", "surrogateescape"), safe="")
