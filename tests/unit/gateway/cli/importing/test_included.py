"""Files that nginx's `include` names are read from the file's own folder alone."""

from pathlib import Path

import pytest

from gateway.cli.importing.files import MAX_FILES
from gateway.cli.importing.importing import import_file
from gateway.cli.importing.model import Unreadable


def imported(folder: Path, **files: str) -> str:
    """The import of nginx.conf, made of `main`, beside the other files."""
    (folder / "nginx.conf").write_text(files.pop("main"))
    for name, text in files.items():
        (folder / f"{name}.conf").write_text(text)
    return import_file(str(folder / "nginx.conf"))


def test_a_file_takes_the_place_of_its_include(tmp_path: Path) -> None:
    made = imported(
        tmp_path,
        main="server { include places.conf; }",
        places="location /x { include answer.conf; }",
        answer="return 403;",
    )
    assert "match: {prefix: /x}\n    respond: {status: 403}" in made
    assert f"# {tmp_path}/places.conf:1: location /x" in made


def test_a_pattern_names_files_in_their_order(tmp_path: Path) -> None:
    made = imported(
        tmp_path, main="include [ab].conf;", b="b_unknown;", a="a_unknown;", c="c_unknown;"
    )
    assert made.index("a_unknown") < made.index("b_unknown")
    assert "c_unknown" not in made


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("not_to_be_seen;")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link.conf").symlink_to(tmp_path / "secret")
    assert "not_to_be_seen" not in imported(inside, main="include link.conf;")


def test_a_mistake_in_an_included_file_is_told_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(Unreadable) as error:
        imported(tmp_path, main="include a.conf;", a="\nuser 'x")
    assert str(error.value) == f"{tmp_path}/a.conf:2:6: this quote is not closed"


def test_files_that_include_each_other_end(tmp_path: Path) -> None:
    with pytest.raises(Unreadable) as error:
        imported(tmp_path, main="include a.conf;", a="include b.conf;", b="include a.conf;")
    assert "files are included through more than" in str(error.value)


def test_more_files_than_a_person_has_are_refused(tmp_path: Path) -> None:
    for number in range(MAX_FILES + 1):
        (tmp_path / f"a{number}.conf").touch()
    with pytest.raises(Unreadable) as error:
        imported(tmp_path, main="include a*.conf;")
    assert f"more than {MAX_FILES} files are included" in str(error.value)


@pytest.mark.parametrize("pattern", ["", ".", "a[", "x" * 5_000, "a\0b", "*/*/*.conf"])
def test_a_pattern_that_names_nothing_is_a_comment(tmp_path: Path, pattern: str) -> None:
    assert "nginx.conf:1: include" in imported(tmp_path, main=f'include "{pattern}";')
