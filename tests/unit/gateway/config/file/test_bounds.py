"""Files that would take for ever, or all memory, are refused at once."""

import pytest

from discovery.base.steps import Steps
from gateway.config.file.bounds import MAX_DEPTH
from gateway.config.file.loading import Read, read_bytes, reading
from tests.support.configuration_files import mistakes_in

pytestmark = pytest.mark.timeout(20)


def test_a_bomb_of_aliases_is_refused_where_it_grows_too_large() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 20)]
    assert mistakes_in("\n".join(lines)) == [
        "f:6:55: with its aliases the file has more than 1,000,000 values"
    ]


def test_aliases_that_nest_are_refused_where_they_get_too_deep() -> None:
    lines = ["a0: &a0 x"]
    lines += [f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 100)]
    assert mistakes_in("\n".join(lines)) == [
        "f:33:12: with its aliases the file has more than 32 levels"
    ]


def test_a_file_of_many_routes_is_read_in_many_steps() -> None:
    """The gateway reads a file while it serves: no step may keep its loop."""
    routes = [
        f"- {{name: r{n}, match: {{prefix: /{n}}}, service: s, limits: [a]}}" for n in range(1000)
    ]
    data = "\n".join(["limits: {a: {requests: 1, window: 1m}}", "routes:", *routes]).encode()
    pauses = 0
    read: list[Read] = []

    def to_the_end() -> Steps[None]:
        read.append((yield from reading(data)))

    for _ in to_the_end():
        pauses += 1
    assert read == [read_bytes(data)]
    assert pauses > 200


@pytest.mark.parametrize("beginning", ["[", "{a: ", "- ", "? ", "[{"])
def test_levels_are_bounded(beginning: str) -> None:
    (said,) = mistakes_in(beginning * 100_000)
    assert said.endswith(f"there are more than {MAX_DEPTH} levels")


@pytest.mark.parametrize(
    "text",
    [
        "x" * 4_000_000,
        "a: '" + "x" * 4_000_000,
        "#" * 4_000_000 + "\na",
        "a: " + "9" * 1_000_000,
        "[" + "a, " * 300_000,
        "&a " * 100_000,
        "!" * 1_000_000,
        "a: |\n" + " x\n" * 300_000 + "b",
        "\n" * 4_000_000 + "a: [",
        "discover: /" + "a/" * 500_000 + "{",
        "discover: /" + "%61" * 500_000 + "%",
        f"routes: [{{name: {'a' * 500_000}, match: {{}}, service: b}}]",
        f"routes: [{{name: a, match: {{headers: {{a: {{regex: '{'(a*)*' * 300}'}}}}}}, service: b}}]",
        f"routes: [{{name: a, match: {{host: {'a.' * 300_000}}}, service: b}}]",
        f"{'a' * 500_000}: b",
    ],
    ids=lambda text: text[:16],
)
def test_long_texts_are_read_in_time_and_told_in_a_short_line(text: str) -> None:
    said = mistakes_in(text)
    assert said
    assert all(len(line) < 2000 for line in said)
