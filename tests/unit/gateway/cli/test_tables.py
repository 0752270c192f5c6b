"""Tables that commands print."""

import pytest

from gateway.cli.tables import Coloured, table_lines


def test_columns_are_as_wide_as_their_longest_cell() -> None:
    lines = table_lines(("name", "port"), [("a", "8080"), ("prices", "80")], width=80)
    assert list(lines) == ["name    port", "a       8080", "prices  80"]


def test_numbers_stand_to_the_right() -> None:
    lines = table_lines(("name", "port"), [("a", "80")], width=80, to_the_right=["port"])
    assert list(lines) == ["name  port", "a       80"]


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_long_cell_goes_on_below_itself_and_nothing_is_lost(width: int) -> None:
    url, why = f"http://{'a' * 40}:8000", "GET /health answers 404, expected 200 to 299"
    first, *lines = table_lines(("url", "why", "n"), [(url, why, "1")], width=width)
    assert all(len(line) <= width for line in lines)
    start, end = first.index("why"), first.index("n")
    assert "".join(line[:start].strip() for line in lines) == url
    assert " ".join(line[start:end].strip() for line in lines).split() == why.split()


def test_a_cell_gives_the_terminal_no_orders_and_its_markup_is_text() -> None:
    lines = list(table_lines(("name",), [("[red]\x1b[31m",)], width=80))
    assert lines[1] == r"[red]\u001b[31m"


def test_colours_are_around_the_text_of_each_line_of_a_cell() -> None:
    rows = [(Coloured("unhealthy", "red"), "x")]
    lines = list(table_lines(("state", "n"), rows, width=80, colours=True))
    assert lines[1] == "\x1b[31munhealthy\x1b[0m  x"
    assert list(table_lines(("state", "n"), rows, width=80))[1] == "unhealthy  x"
