"""What the answers of the workers mean: one that can't take the file keeps it from all."""

import pytest

from gateway.master.agreement import SILENT, Answer, have_read_the_same, outcome, refusals

ABLE = {"ok": True, "digest": "d", "result": "changed", "differences": ["r is new"]}
SAME = {"ok": True, "digest": "d", "result": "unchanged", "differences": []}


def unable(*mistakes: str) -> dict[str, object]:
    return {"ok": False, "mistakes": list(mistakes)}


@pytest.mark.parametrize(
    ("bodies", "said"),
    [
        pytest.param([ABLE, SAME], [], id="all can"),
        pytest.param([], [], id="nobody was asked"),
        pytest.param([unable("m"), unable("m")], ["m"], id="a mistake in the file is said once"),
        pytest.param([ABLE, unable("m", "n")], ["w1: m", "w1: n"], id="only one can't"),
        pytest.param([unable("m"), unable("n")], ["w0: m", "w1: n"], id="for different reasons"),
        pytest.param([ABLE, None], [f"w1: {SILENT}"], id="one is silent"),
    ],
)
def test_why_the_file_is_not_taken(bodies: list[dict[str, object] | None], said: list[str]) -> None:
    assert refusals([Answer(f"w{at}", body) for at, body in enumerate(bodies)]) == said


def test_contents_are_compared_by_their_digests() -> None:
    other = ABLE | {"digest": "e"}
    assert have_read_the_same([Answer("w0", ABLE), Answer("w1", SAME)])
    assert not have_read_the_same([Answer("w0", ABLE), Answer("w1", other)])
    assert have_read_the_same([])


def test_it_has_changed_if_anything_changed_for_one() -> None:
    ended = outcome([Answer("w0", SAME), Answer("w1", ABLE)])
    assert ended == {
        "result": "changed",
        "differences": ["r is new"],
        "mistakes": [],
        "digest": "d",
    }
    assert outcome([])["result"] == "unchanged"
