import pytest

from middlewares.exchange import Exchange
from middlewares.head_changes import HeadChanges
from middlewares.header_section import HeaderSection
from middlewares.validate.sent_fields import SentFields

FIELDS = [(b"Host", b"h"), (b"X-Plan", b"gold"), (b"x-plan", b"tin"), (b"X_Key", b"k")]

NAMED = [*FIELDS, (b"Connection", b"close, X-Plan"), (b"connection", b"X_Key\t")]


@pytest.mark.parametrize(
    ("changes", "name", "values"),
    [
        (None, b"x-plan", [b"gold", b"tin"]),
        (None, b"accept", []),
        (HeadChanges(removed=frozenset([b"x-plan"])), b"x-plan", []),
        (HeadChanges(removed=frozenset([b"x-key"])), b"x_key", []),
        (HeadChanges(replaced={b"x-plan": b"new"}), b"x-plan", [b"new"]),
        (HeadChanges(added=b"X-Auth-Subject: ann\r\nX-Two:2\r\n"), b"x-auth-subject", [b"ann"]),
        (HeadChanges(added=b"X-Auth-Subject: ann\r\nX-Two:2\r\n"), b"x-two", [b"2"]),
    ],
)
def test_the_fields_are_those_that_the_service_gets(
    changes: HeadChanges | None, name: bytes, values: list[bytes]
) -> None:
    exchange = Exchange("id", 0.0, "127.0.0.1", HeaderSection(FIELDS), None, "/", "/")
    exchange.changes = changes
    assert list(SentFields(exchange)(name)) == values


def test_a_field_that_connection_names_does_not_count_unless_the_gateway_adds_it() -> None:
    exchange = Exchange("id", 0.0, "127.0.0.1", HeaderSection(NAMED), None, "/", "/")
    fields = SentFields(exchange)
    assert [fields(name) for name in (b"x-plan", b"x_key", b"host")] == [(), (), [b"h"]]
    exchange.changes = HeadChanges(added=b"X-Plan: gold\r\n")
    assert list(SentFields(exchange)(b"x-plan")) == [b"gold"]
