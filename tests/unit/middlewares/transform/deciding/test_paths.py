"""The path that is made of a template, and the values that can't stand in one."""

import pytest

from middlewares.transform.deciding.paths import NoPath, UnsafeValue, filled_path
from middlewares.transform.deciding.variables import Variable, parse_template


class Said:
    def __init__(self, **said: str) -> None:
        self.said = said

    def value(self, variable: Variable) -> str | None:
        return self.said.get(variable.name or variable.kind)


@pytest.mark.parametrize(
    ("text", "said", "made"),
    [
        ("/a b/{subject}", {"subject": "ü x"}, "/a%20b/%C3%BC%20x"),
        ("/v{query.v}/x", {"v": "1.2"}, "/v1.2/x"),
        ("/v/{path.rest}", {"rest": "/../a%2Fb//"}, "/v/../a%2Fb//"),
        ("/{path.rest}", {"rest": ""}, "/"),
        ("/v/{path.id}", {"id": "a;b"}, "/v/a%3Bb"),
        ("/{header.a}{header.b}", {"a": ".", "b": "a"}, "/.a"),
    ],
)
def test_the_path_has_the_values(text: str, said: dict[str, str], made: str) -> None:
    assert filled_path(parse_template(text), Said(**said)) == made


@pytest.mark.parametrize(
    ("text", "said"),
    [("/{subject}", {}), ("/{subject}", {"subject": ""}), ("/{path.rest}", {})],
)
def test_a_value_that_is_not_there_makes_no_path(text: str, said: dict[str, str]) -> None:
    with pytest.raises(NoPath, match=r"\{"):
        filled_path(parse_template(text), Said(**said))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/{subject}", {"subject": ".."}),
        ("/{header.a}{header.b}", {"a": ".", "b": "."}),
        ("/.{header.a}/x", {"a": "."}),
        ("/{header.a}/{path.rest}", {"a": ".", "rest": "/x"}),
        ("/{subject}", {"subject": "a/b"}),
        ("/{subject}", {"subject": "a\\b"}),
        ("/{subject}", {"subject": "a;b"}),
        ("/{subject}", {"subject": "a\0"}),
        ("/{subject}", {"subject": "%2e%2e"}),
        ("/{subject}", {"subject": "\udcff"}),
    ],
)
def test_a_value_that_makes_another_path_is_told(text: str, said: dict[str, str]) -> None:
    with pytest.raises(UnsafeValue, match="path"):
        filled_path(parse_template(text), Said(**said))
