"""Texts with variables are taken apart once, and each value is encoded for where it lands."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.transform.deciding.variables import (
    Landing,
    UnknownVariable,
    Variable,
    parse_template,
)

_CONTROLS = [chr(code) for code in (*range(32), 127) if code != ord("\t")]
_ANY_TEXT = st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape"))


class Said:
    """Values by the names of variables."""

    def __init__(self, **said: str) -> None:
        self.said = said

    def value(self, variable: Variable) -> str | None:
        return self.said.get(str(variable).replace(".", "__"))


def filled(text: str, landing: Landing = Landing.HEADER, **said: str) -> str | None:
    return parse_template(text).fill(Said(**said), landing)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("plain", "plain"),
        ("", ""),
        ("a{subject}b", "aadab"),
        ("{subject}{method}", "adaGET"),
        ("{{subject}}", "{subject}"),
        ("{{{subject}}}", "{ada}"),
        ("{{", "{"),
        ("}}", "}"),
        ('{{"a": "{subject}"}}', '{"a": "ada"}'),
    ],
)
def test_a_text_is_put_together_from_what_it_has(text: str, made: str) -> None:
    assert filled(text, subject="ada", method="GET") == made


@pytest.mark.parametrize("text", ["a{subject}b", "{{x}} {claim.a.b}", "", "{header.x-plan}"])
def test_a_text_is_written_as_the_file_has_it(text: str) -> None:
    assert str(parse_template(text)) == text


def test_names_of_variables_are_told() -> None:
    template = parse_template("{claim.role} {header.X-Plan} {subject} {subject}")
    assert template.names == {"claim.role", "header.x-plan", "subject"}
    assert template.variables[1] == Variable("header", "x-plan")


def test_a_claim_may_have_any_name() -> None:
    template = parse_template("{claim.https://id.example/roles}")
    assert template.variables == (Variable("claim", "https://id.example/roles"),)


@pytest.mark.parametrize("text", ["{subjct}", "{ subject}", "{}", "{claims.a}", "{SUBJECT}"])
def test_an_unknown_variable_is_refused(text: str) -> None:
    with pytest.raises(UnknownVariable, match=re.escape(text)):
        parse_template(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a { b", r"has a \{ that no \} closes"),
        ("a } b", r"has a \} without a \{"),
        ("{claim}", r"lacks a name: write \{claim.NAME\}"),
        ("{header.}", r"lacks a name: write \{header.NAME\}"),
        ("{header.X Plan}", "must name a header"),
        ("{path.a-b}", "must name a part of match.path"),
        ("{query.a\nb}", "without control characters"),
        ("{header.X-Auth-Subject}", "any client may claim"),
        ("{header.x_auth_subject}", "any client may claim"),
        ("{header.X-Forwarded-For}", r"use \{client_ip\}"),
    ],
)
def test_a_text_that_means_nothing_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_template(text)


def test_a_text_with_a_missing_value_is_missing() -> None:
    template = parse_template("{subject}{method}")
    assert template.missing(Said(method="GET")) == (Variable("subject"),)
    assert filled("v{subject}") is None
    assert filled("v{subject}", subject="") == "v"


@pytest.mark.parametrize(
    ("landing", "made"),
    [
        (Landing.HEADER, "a b/ü%0D%0AX: 1%00"),
        (Landing.QUERY, "a%20b%2F%C3%BC%0D%0AX%3A%201%00"),
        (Landing.PATH, "a%20b%2F%C3%BC%0D%0AX:%201%00"),
        (Landing.JSON, "a b/ü\r\nX: 1\0"),
    ],
)
def test_a_value_is_encoded_for_where_it_lands(landing: Landing, made: str) -> None:
    assert filled("{subject}", landing, subject="a b/ü\r\nX: 1\0") == made


def test_the_rest_of_a_path_stays_as_it_came() -> None:
    assert filled("/v2/{path.rest}", Landing.PATH, path__rest="/a%2Fb/") == "/v2/a%2Fb/"
    assert filled("/v2/{path.rest}", Landing.PATH, path__rest="") == "/v2/"


def test_spaces_at_the_ends_are_no_part_of_a_header() -> None:
    assert filled("{subject} ", subject=" \ta") == "a"


@given(text=_ANY_TEXT)
def test_no_value_ends_a_line_a_member_or_a_segment(text: str) -> None:
    header = filled("{subject}", subject=text)
    query = filled("{subject}", Landing.QUERY, subject=text)
    path = filled("/{subject}", Landing.PATH, subject=text)
    json = filled("{subject}", Landing.JSON, subject=text)
    assert header is not None
    assert not set(_CONTROLS) & set(header)
    assert query is not None
    assert re.fullmatch(r"[A-Za-z0-9._~%-]*", query)
    assert path is not None
    assert re.fullmatch(r"/[A-Za-z0-9._~!$&'()*+,=:@%-]*", path)
    assert json is not None
    assert json.encode().decode() == json


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_a_text_whose_braces_are_doubled_is_itself(text: str) -> None:
    doubled = text.replace("{", "{{").replace("}", "}}")
    assert filled(doubled, Landing.JSON) == text
