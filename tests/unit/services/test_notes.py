"""Which notifications are accepted, and how they are kept and shown."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.notification.notes import Filter, Kept, Note
from services.notification.queries import ListQuery, is_id

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=10)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip
data = st.dictionaries(st.text(max_size=10), values, max_size=5)


def note(**members: object) -> Note:
    text = orjson.dumps({"kind": "test", "message": "hello", **members})
    return Note.model_validate_json(text)


@given(data)
def test_data_comes_back_as_it_was_given(given_data: dict[str, object]) -> None:
    kept = Kept("1767270896500-0", "test", None, note(data=given_data).text())
    assert kept.document["data"] == given_data


@given(data)
def test_the_order_of_keys_does_not_make_another_note(given_data: dict[str, object]) -> None:
    backwards = dict(reversed(given_data.items()))
    assert note(data=given_data).text() == note(data=backwards).text()


def test_what_is_left_out_is_the_same_as_its_default() -> None:
    assert note().text() == note(symbol=None, data={}).text()


@pytest.mark.parametrize(
    ("member", "text"),
    [
        ("kind", '"Signal"'),
        ("kind", '""'),
        ("kind", '"a\\n"'),
        ("symbol", '"btc"'),
        ("symbol", '""'),
        ("message", '""'),
        ("message", '" \\n"'),
        ("message", '"' + "a" * 1001 + '"'),
        ("data", "[]"),
        ("data", '{"a": NaN}'),
        ("data", '{"a": [-Infinity]}'),
        ("data", '{"a": 18446744073709551616}'),
        ("data", '{"a": "' + "a" * 8192 + '"}'),
    ],
)
def test_what_could_not_be_kept_is_refused_by_its_name(member: str, text: str) -> None:
    members = {"kind": '"test"', "message": '"hello"', member: text}
    body = "{" + ", ".join(f'"{name}": {value}' for name, value in members.items()) + "}"
    with pytest.raises(ValidationError) as caught:
        Note.model_validate_json(body)
    assert caught.value.errors()[0]["loc"][0] == member


def test_its_time_is_in_its_id() -> None:
    kept = Kept("1767270896500-3", "test", None, b"{}")
    assert kept.created_at == "2026-01-01T12:34:56.500Z"


@pytest.mark.parametrize(
    ("kind", "symbol", "passes"),
    [
        (None, None, True),
        ("signal", None, True),
        (None, "BTC", True),
        ("signal", "BTC", True),
        ("test", None, False),
        ("signal", "ETH", False),
    ],
)
def test_a_filter_names_what_it_wants(kind: str | None, symbol: str | None, passes: bool) -> None:
    kept = Kept("1-0", "signal", "BTC", b"{}")
    assert Filter(kind=kind, symbol=symbol).passes(kept) is passes


@pytest.mark.parametrize(
    ("since", "since_ms"),
    [
        ("2026-01-01T12:34:56Z", 1767270896000),
        ("2026-01-01T13:34:56.5001+01:00", 1767270896501),
        ("1969-12-31T23:59:59Z", -1000),
    ],
)
def test_since_is_to_the_millisecond(since: str, since_ms: int) -> None:
    assert ListQuery.model_validate({"since": since}).since_ms == since_ms


def test_ids_are_those_that_redis_has_something_after() -> None:
    assert is_id("0-0")
    assert is_id("1767270896500-12")
    for text in ("", "1", "1-", "-1", "a-0", "1-0\n", "²-0", f"{2**64 - 1}-0", "1" * 21 + "-0"):
        assert not is_id(text)
