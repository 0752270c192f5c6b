"""What the file says of changes, and what it says that is wrong."""

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.config.file.transform import Request, Response


def mistakes(section: type[Request | Response], said: Any) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as raised:
        section.model_validate(said)
    return [
        (".".join(map(str, one["loc"])), one["msg"].removeprefix("Value error, "))
        for one in raised.value.errors()
    ]


@pytest.mark.parametrize(
    ("said", "path", "message"),
    [
        (
            {"headers": {"set": {"X-T": "{subjct}"}}},
            "headers.set.X-T",
            'there is no variable "{subjct}"; did you mean "{subject}"?',
        ),
        (
            {"headers": {"add": {"X-T": "{claims.role}"}}},
            "headers.add.X-T",
            'there is no variable "{claims.role}"; did you mean "{claim.role}"?',
        ),
        (
            {"headers": {"set": {"X-T": "{client"}}},
            "headers.set.X-T",
            "has a { that no } closes; {{ stands for a brace itself",
        ),
        (
            {"headers": {"set": {"X-T": "a", "x_t": "b"}}},
            "headers.set.x_t",
            "is set as X-T already: services read both as one",
        ),
        (
            {"headers": {"set": {"Host": "a"}}},
            "headers.set.Host",
            "rewrite.host says which Host the instance gets",
        ),
        (
            {"headers": {"add": {"X-Auth-Subject": "a"}}},
            "headers.add.X-Auth-Subject",
            "the gateway writes X-Auth-Subject itself, and no rule changes that",
        ),
        (
            {"headers": {"remove": ("Content-Length",)}},
            "headers.remove.0",
            "Content-Length says where a message ends or what a connection does, and no rule changes that",
        ),
        (
            {"headers": {"rename": {"X-A": "TE"}}},
            "headers.rename.X-A",
            "TE says where a message ends or what a connection does, and no rule changes that",
        ),
        (
            {"headers": {"rename": {"X-A": "x-a"}}},
            "headers.rename.X-A",
            "is the name that it has already",
        ),
        (
            {"headers": {"rename": {"X-A": "X-C", "X-B": "x-c"}}},
            "headers.rename.X-B",
            "is the new name of another one too",
        ),
        (
            {"headers": {"set": {"X-A": "1", "x-a": "2"}}},
            "headers.set.x-a",
            "the header is there already, in another case",
        ),
        (
            {"headers": {"remove": ("X-A", "x-a")}},
            "headers.remove.1",
            "the header is there already, in another case",
        ),
        (
            {"headers": {"set": {"X-A": "1"}, "remove": ("x-a",)}},
            "headers.remove.0",
            "is set too, which removes what was there",
        ),
        (
            {"headers": {"set": {"X-A": "a\nb"}}},
            "headers.set.X-A",
            "must be one line, without control characters",
        ),
        (
            {"headers": {"set": {"X-A": "{subject} "}}},
            "headers.set.X-A",
            "must not begin or end with a space: those are no part of a header's value",
        ),
        (
            {"headers": {"set": {"X A": "1"}}},
            "headers.set.X A.[key]",
            "must be the name of a header, such as X-Plan",
        ),
        ({"headers": {}}, "headers", "lacks one of set, add, remove, rename"),
        ({}, "", "lacks one of headers, query, path, json, json_errors, encoded"),
        (
            {"query": {"set": {"v": "{query}"}}},
            "query.set.v",
            "{query} lacks a name: write {query.NAME}",
        ),
        (
            {"query": {"rename": {"a": "a"}}},
            "query.rename.a",
            "is the name that it has already",
        ),
        ({"path": "orders"}, "path", "must be a path that begins with a slash"),
        ({"path": "{subject}"}, "path", "must be a path that begins with a slash"),
        (
            {"path": "/a?b={subject}"},
            "path",
            "must be a path alone; rules for the query stand in request.query",
        ),
        ({"path": "/{path.rest}/a"}, "path", "{path.rest} must be the last segment"),
        ({"path": "/a{path.rest}"}, "path", "{path.rest} must be the last segment"),
        (
            {"path": "/a/../{subject}"},
            "path",
            "must be a path that all servers read alike; the path has a segment of dots",
        ),
    ],
)
def test_a_mistake_in_a_request_section_is_told(said: Any, path: str, message: str) -> None:
    assert mistakes(Request, said) == [(path, message)]


def test_what_only_answers_have_is_untouchable_there() -> None:
    ((path, message),) = mistakes(Response, {"headers": {"set": {"RateLimit": "a"}}})
    assert path == "headers.set.RateLimit"
    assert message == "the gateway writes RateLimit itself, and no rule changes that"


def test_errors_is_true_or_false() -> None:
    assert mistakes(Response, {"errors": "yes"})[0][0] == "errors"


def test_query_names_differ_by_their_case() -> None:
    section = Request.model_validate({"query": {"set": {"a": "1", "A": "2"}}})
    assert section.query is not None
    assert list(section.query.set) == ["a", "A"]
