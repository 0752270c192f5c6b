"""States and evidence as the registry keeps them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.split.deciding.plan import Gathered, State
from middlewares.split.deciding.records import decode, encode, gathered_of

STATES = st.builds(
    State,
    weights=st.lists(st.floats(0, 1e6), min_size=2, max_size=5).filter(any).map(tuple),
    status=st.sampled_from(["running", "rolled_back", "frozen"]),
    by=st.sampled_from(["file", "api", "step", "breach"]),
    revision=st.integers(0, 2**40),
    since_ms=st.integers(0, 2**45),
    evidence=st.none() | st.just({"p": 1e-9}),
)


@given(STATES, st.text())
def test_a_state_is_read_as_it_was_written(state: State, maker: str) -> None:
    try:
        maker.encode()
    except UnicodeEncodeError:
        maker = ""
    assert decode(encode(state, maker), state.revision, state.since_ms) == state


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"w": 5, "s": "running", "b": "file", "e": null}',
        b'{"w": ["a"], "s": "running", "b": "file", "e": null}',
        b'{"w": [-1, 2], "s": "running", "b": "file", "e": null}',
        b'{"w": [0, 0], "s": "running", "b": "file", "e": null}',
        b'{"w": [1, 2], "s": "walking", "b": "file", "e": null}',
        b'{"w": [1, 2], "s": "running", "b": "me", "e": null}',
        b'{"w": [1, 2], "s": "running", "b": "file", "e": 5}',
    ],
)
def test_a_state_that_nobody_can_read_has_no_weights(text: bytes) -> None:
    assert decode(text, 7, 8) == State((), revision=7, since_ms=8)


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{}", b'{"b": 5, "t": {}}', b'{"b": {"x": {}}, "t": {}}', b"5"]
)
def test_evidence_that_nobody_can_read_is_none(text: bytes) -> None:
    assert gathered_of(text) == Gathered({}, {})


def test_an_empty_table_of_lua_may_be_a_list() -> None:
    assert gathered_of(b'{"b": {"5": {"c": 2.0}}, "t": []}') == Gathered({5: {"c": 2}}, {})
