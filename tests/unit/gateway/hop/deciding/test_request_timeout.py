"""X-Request-Timeout: what a client asks for, and what an instance is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.hop.deciding.request_timeout import asked_timeout_s, timeout_line


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"1.5", 1.5),
        (b"30", 30.0),
        (b"0.001", 0.001),
        (b"0", None),
        (b"0.000", None),
        (b"", None),
        (b"-1", None),
        (b"+1", None),
        (b"1s", None),
        (b"1e3", None),
        (b".5", None),
        (b"1.", None),
        (b"nan", None),
        (b"inf", None),
        (b"1, 2", None),
        (b"1234567890", None),
        ("\u0661".encode(), None),
    ],
)
def test_only_a_plain_positive_number_of_seconds_limits_anything(
    value: bytes, seconds: float | None
) -> None:
    assert asked_timeout_s(value) == seconds


@given(st.floats(-10, 9e8))
def test_what_is_left_can_be_read_again_and_is_never_more(left_s: float) -> None:
    name, _, value = timeout_line(left_s).rstrip(b"\r\n").partition(b": ")
    read_s = asked_timeout_s(value)
    assert name == b"X-Request-Timeout"
    assert read_s is not None
    assert read_s == pytest.approx(max(left_s, 0.001), abs=0.0011)
    assert read_s <= max(left_s, 0.001) + 1e-6
