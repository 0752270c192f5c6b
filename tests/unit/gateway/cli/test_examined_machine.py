"""What `lockgate doctor` finds on the machine."""

from pathlib import Path

from gateway.cli.examining.machine import folder


def test_a_folder_that_is_still_to_be_made_is_judged_by_the_one_that_it_would_be_in(
    tmp_path: Path,
) -> None:
    assert folder(tmp_path / ".lockgate" / "0").state != "failed"


def test_a_folder_where_nothing_can_be_kept_fails(tmp_path: Path) -> None:
    """The doctor found nothing wrong, but the start failed."""
    (tmp_path / ".lockgate").touch()
    found = folder(tmp_path / ".lockgate" / "0")
    assert found.state == "failed"
    assert str(tmp_path) in found.detail
    assert "--data-dir" in found.advice
