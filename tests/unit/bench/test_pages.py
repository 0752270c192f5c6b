"""A run replaces the tables of a page."""

from pathlib import Path

from bench.pages import marks, table, write

BEGINS, ENDS = marks("table")


def test_a_new_table_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGINS}\nold\n{ENDS}\nafter\n", "utf-8")

    write(page, table(("a", "b"), [("1", "2")]))

    expected = f"before\n{BEGINS}\n| a | b |\n| --- | --- |\n| 1 | 2 |\n{ENDS}\nafter\n"
    assert page.read_text("utf-8") == expected


def test_each_table_of_a_page_has_its_own_place(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("\n".join((*marks("other"), BEGINS, ENDS)), "utf-8")

    write(page, "new", "other")

    begins, ends = marks("other")
    assert page.read_text("utf-8") == f"{begins}\nnew\n{ends}\n{BEGINS}\n{ENDS}"
