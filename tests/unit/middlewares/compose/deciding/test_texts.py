"""Texts of parts are filled with values, and each value stays where it belongs."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.compose.deciding.json_spans import read
from middlewares.compose.deciding.json_texts import parse_json
from middlewares.compose.deciding.texts import Known, NoValue, parse_text
from middlewares.transform.deciding.variables import Variable

USER = (
    b'{"id": 7, "name": "A/B ?&#\\u00e9\\r\\n", "big": 12345678901234567890.10, "no": null,'
    b' "l": [1], "e": "", "sp": "A ?&#\\u00e9\\r\\n"}'
)


class Asked:
    """The values of a request, by their names."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def value(self, variable: Variable) -> str | None:
        return self._values.get(str(variable))


def known(**values: str) -> Known:
    return Known(
        Asked({name.replace("_", "."): value for name, value in values.items()}),
        {"user": read(USER)},
    )


@pytest.mark.parametrize(
    ("text", "target"),
    [
        (
            "/users/{parts.user./id}?n={parts.user./name}",
            "/users/7?n=A%2FB%20%3F%26%23%C3%A9%0D%0A",
        ),
        ("/u/{parts.user./sp}/x", "/u/A%20%3F&%23%C3%A9%0D%0A/x"),
        ("/o?user={parts.user./id}&of={path.id}&x=a/b", "/o?user=7&of=a%2Fb&x=a/b"),
        ("/n/{parts.user./big}", "/n/12345678901234567890.10"),
        ("/o?e={parts.user./e}", "/o?e="),
        ("/l/{parts.user./l/0}", "/l/1"),
        ("/{{parts.user./id}}", "/{parts.user./id}"),
        ("/plain", "/plain"),
    ],
)
def test_targets(text: str, target: str) -> None:
    assert parse_text(text).target(known(path_id="a/b")) == target


@pytest.mark.parametrize(
    ("text", "name", "of_client"),
    [
        ("/users/{path.id}", "path.id", True),
        ("/o?page={query.page}", "query.page", True),
        ("/users/{parts.user./nobody}", "parts.user./nobody", False),
        ("/users/{parts.user./no}", "parts.user./no", False),
        ("/users/{parts.user./l}", "parts.user./l", False),
        ("/users/{parts.user}", "parts.user", False),
        ("/users/{parts.user./e}", "parts.user./e", False),
        ("/users/{parts.other./id}", "parts.other./id", False),
    ],
)
def test_what_has_no_value_is_told(text: str, name: str, of_client: bool) -> None:
    with pytest.raises(NoValue) as raised:
        parse_text(text).target(known())
    assert (raised.value.name, raised.value.of_client) == (name, of_client)


@pytest.mark.parametrize(
    ("text", "of_client", "detail"),
    [
        ("/u/{path.id}", True, "with {path.id}, the path has a segment of dots"),
        ("/u/{parts.user./up}?a", False, "with {parts.user./up}, the path has a segment of dots"),
        (
            "/u/{path.id}{parts.user./x}",
            False,
            "with {parts.user./x}, the path has an encoded slash",
        ),
    ],
)
def test_values_that_make_another_path_are_none(text: str, of_client: bool, detail: str) -> None:
    values = Known(Asked({"path.id": ".."}), {"user": read(b'{"up": "..", "x": "/"}')})
    with pytest.raises(NoValue) as raised:
        parse_text(text).target(values)
    assert (raised.value.of_client, raised.value.detail) == (of_client, detail)


@given(st.text())
def test_a_value_adds_nothing_to_a_target_but_itself(value: str) -> None:
    text = parse_text("/a/{query.v}/b?c={query.v}&d=e")
    try:
        target = text.target(Known(Asked({"query.v": value}), {}))
    except (NoValue, UnicodeEncodeError):
        return
    path, _, query = target.partition("?")
    assert path.count("/") == 3
    assert query.count("&") == 1
    assert "#" not in target
    assert target.isascii()
    assert target.isprintable()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_value_is_one_line_of_a_header(value: str) -> None:
    line = parse_text("a {header.x-v} b").field(Known(Asked({"header.x-v": value}), {}))
    assert not any(byte < 32 or byte == 127 for byte in line)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("/{parts}", "must name a part and a JSON pointer, such as {parts.user./id}"),
        ("/{parts.User./id}", "must name a part and a JSON pointer"),
        ("/{parts.user.id}", "a JSON pointer begins with /"),
        ("/{parts.user./~2}", "in a JSON pointer ~ is written ~0"),
        ("/{nobody}", "there is no variable {nobody}"),
        ("/{path.id", "has a { that no } closes"),
    ],
)
def test_texts_that_are_none(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("{", r"\{").replace("}", r"\}")):
        parse_text(text)


@pytest.mark.parametrize("text", ["/a/{path.id}?b={parts.user./x~1y}", "{{x}}", "{parts.user}", ""])
def test_a_text_is_shown_as_the_file_has_it(text: str) -> None:
    assert str(parse_text(text)) == text


def test_a_body_has_values_of_any_kind() -> None:
    value = {
        "user": "{parts.user./id}",
        "tags": ("{parts.user./l}", "n{parts.user./id}"),
        "all": "{parts.user}",
        "said": "{query.q}",
        "plain": [1, 1.5, True, None],
    }
    text = parse_json(value)
    assert text.write(known(query_q='a"\n')) == (
        '{"user":7,"tags":[[1],"n7"],"all":'
        + USER.decode()
        + ',"said":"a\\"\\n","plain":[1,1.5,true,null]}'
    )
    assert str(text).startswith('{"user":"{parts.user./id}","tags":["{parts.user./l}",')
    with pytest.raises(NoValue):
        text.write(known())


def test_a_body_has_no_number_that_json_lacks() -> None:
    with pytest.raises(ValueError, match="no such number"):
        parse_json({"a": float("inf")})
