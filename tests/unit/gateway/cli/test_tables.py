"""Tables that commands print."""

import pytest

from gateway.cli.tables import Coloured, table_lines


def test_columns_are_as_wide_as_their_longest_cell() -> None:
    lines = table_lines(("name", "port"), [("a", "8080"), ("prices", "80")], width=80)
    assert list(lines) == ["name    port", "a       8080", "prices  80"]


def test_numbers_stand_to_the_right() -> None:
    lines = table_lines(("name", "port"), [("a", "80")], width=80, to_the_right=["port"])
    assert list(lines) == ["name  port", "a       80"]


URL, WHY = "http://127.0.0.1:22090", "GET /health answers 404, expected 200 to 299"


@pytest.mark.parametrize("width", [36, 60, 72])
def test_a_long_cell_goes_on_below_itself_and_no_word_is_cut(width: int) -> None:
    """On a terminal of 80 columns an address became `http://12`, `7.0.0.1:2`, `2090`."""
    first, *lines = table_lines(("url", "why", "n"), [(URL, WHY, "1")], width=width)
    assert all(len(line) <= width for line in lines)
    start, end = first.index("why"), first.index("n")
    assert " ".join(line[:start].strip() for line in lines).strip() == URL
    assert " ".join(line[start:end].strip() for line in lines) == WHY


def test_a_word_that_is_wider_than_the_terminal_is_whole_too() -> None:
    url = f"http://{'a' * 40}:8000"
    lines = list(table_lines(("url", "why"), [(url, WHY)], width=40))
    assert lines[1].startswith(f"{url}  GET")


def test_where_it_does_not_fit_reasons_go_below_their_rows_and_some_columns_go() -> None:
    headings = ("id", "url", "why", "weight", "time")
    rows = [("shop-1", URL, WHY, "1", "2026-01-01T00:00:05Z"), ("shop-2", URL, "", "1", "-")]

    def table(width: int) -> list[str]:
        return list(
            table_lines(headings, rows, width=width, below="why", left_out=("time", "weight"))
        )

    assert table(108)[0].split() == list(headings)
    assert table(80) == [
        "id      url                     weight  time",
        "shop-1  http://127.0.0.1:22090  1       2026-01-01T00:00:05Z",
        f"  why: {WHY}",
        "shop-2  http://127.0.0.1:22090  1       -",
    ]
    assert table(40) == [
        "id      url                     weight",
        "shop-1  http://127.0.0.1:22090  1",
        "  why: GET /health answers 404, expected",
        "    200 to 299",
        "shop-2  http://127.0.0.1:22090  1",
    ]
    assert table(31)[0].split() == ["id", "url"]


def test_a_cell_gives_the_terminal_no_orders_and_its_markup_is_text() -> None:
    lines = list(table_lines(("name",), [("[red]\x1b[31m",)], width=80))
    assert lines[1] == r"[red]\u001b[31m"


def test_colours_are_around_the_text_of_each_line_of_a_cell() -> None:
    rows = [(Coloured("unhealthy", "red"), "x")]
    lines = list(table_lines(("state", "n"), rows, width=80, colours=True))
    assert lines[1] == "\x1b[31munhealthy\x1b[0m  x"
    assert list(table_lines(("state", "n"), rows, width=80))[1] == "unhealthy  x"
