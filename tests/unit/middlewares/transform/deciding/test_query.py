"""The query by rules: members that no rule is about stay byte for byte."""

from typing import Any
from urllib.parse import parse_qsl, quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.transform.deciding.query import QueryPlan
from middlewares.transform.deciding.rules import NamedRules
from middlewares.transform.deciding.variables import Variable, parse_template


class Said:
    def value(self, variable: Variable) -> str | None:
        return {"subject": "a b&c"}.get(variable.kind)


def made(query: str, **rules: Any) -> str:
    texts = {
        key: tuple((name, parse_template(text)) for name, text in rules.pop(key, {}).items())
        for key in ("set", "add")
    }
    renames = tuple(rules.pop("rename", {}).items())
    return QueryPlan(NamedRules(rename=renames, **texts, **rules)).changed(query, Said())


@pytest.mark.parametrize(
    ("query", "rules", "expected"),
    [
        ("", {"set": {"a": "1"}}, "a=1"),
        ("b=2", {"set": {"a": "{subject}"}}, "b=2&a=a%20b%26c"),
        ("a=1&b=2&a=3", {"set": {"a": "9"}}, "a=9&b=2"),
        ("a=1&b=2", {"set": {"a": "{claim.x}"}}, "b=2"),
        ("b=2", {"add": {"a": "{claim.x}"}}, "b=2"),
        ("a=1", {"add": {"a": "2"}}, "a=1&a=2"),
        ("a=1&%61=2&a&A=3", {"remove": ("a",)}, "A=3"),
        ("a+b=1&a%20b=2&c", {"remove": ("a b",)}, "c"),
        ("a=1", {"remove": ("a",)}, ""),
        ("q=%41+&r=1", {"rename": {"q": "r"}}, "r=%41+"),
        ("q&r=1", {"rename": {"q": "ü &"}}, "%C3%BC%20%26&r=1"),
        ("a=1&b=2", {"rename": {"a": "b", "b": "a"}}, "b=1&a=2"),
        ("&&a=%zz&=&", {"remove": ("x",)}, "&&a=%zz&=&"),
    ],
)
def test_members_are_changed_in_a_stated_order(
    query: str, rules: dict[str, Any], expected: str
) -> None:
    assert made(query, **rules) == expected


_QUERY = st.text(st.sampled_from("ab=&%1+;/?é"), max_size=12)


@given(query=_QUERY)
def test_rules_about_other_members_change_nothing(query: str) -> None:
    assert made(query, remove=("none",), rename={"nobody": "b"}) == query


@given(query=_QUERY.filter(lambda query: "%" not in query))
def test_the_inverse_of_a_rename_is_a_rename_back(query: str) -> None:
    assert made(made(query, rename={"a": "new"}), rename={"new": "a"}) == query


@given(name=st.text(min_size=1, max_size=5).filter(lambda text: text.isprintable()), query=_QUERY)
def test_one_member_is_added_whatever_its_name(name: str, query: str) -> None:
    after = made(query, add={name: "{subject}"})
    assert after.count("&") == query.count("&") + bool(query)
    assert parse_qsl(after, keep_blank_values=True)[-1] == (name, "a b&c")
    assert after.endswith(f"{quote(name, safe='')}=a%20b%26c")
