"""Entries of the registry's stream as events: which are read and which skipped, without exceptions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from discovery.model.instance import encode, parse_registration
from discovery.view.events import parse_event
from discovery.view.view import Event

INSTANCE = parse_registration("price", "a", {"host": "localhost", "port": 8000, "weight": 3})


def fields(kind: bytes, **more: bytes) -> dict[bytes, bytes]:
    base = {b"rev": b"7", b"kind": kind, b"member": b"price/a", b"at": b"1700000000000"}
    return base | {name.encode(): value for name, value in more.items()}


def test_a_registration_carries_its_instance() -> None:
    record = encode(INSTANCE).encode()
    event = parse_event(
        fields(b"registered", registered_at=b"1700000000000", ttl=b"15000", record=record)
    )
    assert event == Event(7, "registered", "price/a", INSTANCE, 1_700_000_000_000)
    assert event.service == "price"


def test_a_change_of_health_carries_where_from_where_to_and_why() -> None:
    event = parse_event(
        fields(b"health_changed", to=b"unhealthy", **{"from": b"healthy"}, evidence=b"503")
    )
    assert event is not None
    assert (event.from_status, event.status, event.evidence) == ("healthy", "unhealthy", "503")


def test_a_status_of_a_newer_release_is_starting() -> None:
    event = parse_event(fields(b"health_changed", to=b"dozing"))
    assert event is not None
    assert event.status == "starting"


@pytest.mark.parametrize("kind", ["draining", "expired", "removed", "deregistered", "of_tomorrow"])
def test_the_other_kinds_say_only_whom_they_are_about(kind: str) -> None:
    assert parse_event(fields(kind.encode())) == Event(7, kind, "price/a")


@pytest.mark.parametrize("missing", [b"rev", b"kind", b"member"])
def test_an_entry_that_is_not_one_of_ours_is_skipped_with_a_warning(missing: bytes) -> None:
    entry = fields(b"draining")
    del entry[missing]
    with capture_logs() as logs:
        assert parse_event(entry) is None
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("registry.invalid_event", "warning")
    ]


@pytest.mark.parametrize(
    "record", [b"", b"x", b"{}", b'{"host":"169.254.1.1","port":0}', b"\xff\xfe"]
)
def test_a_record_that_is_not_one_of_ours_is_an_event_without_an_instance(record: bytes) -> None:
    """Its revision still counts, because a skipped one would look like a gap in the stream."""
    with capture_logs() as logs:
        event = parse_event(fields(b"registered", registered_at=b"1", ttl=b"1", record=record))
    assert event == Event(7, "registered", "price/a")
    assert [line["event"] for line in logs] == ["registry.invalid_record"]


_names = st.sampled_from([b"rev", b"kind", b"member", b"record", b"registered_at", b"ttl", b"to"])
_values = st.one_of(
    st.binary(max_size=20), st.sampled_from([b"1", b"registered", b"health_changed", b"price/a"])
)


@given(st.dictionaries(_names, _values))
def test_whatever_stands_in_the_stream_nothing_is_raised(entry: dict[bytes, bytes]) -> None:
    with capture_logs():
        parse_event(entry)
