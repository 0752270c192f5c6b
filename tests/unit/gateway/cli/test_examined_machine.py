"""What `lockgate doctor` finds on the machine."""

import sys
from pathlib import Path

import pytest

from gateway.cli.examining.machine import folder, python
from gateway.hop import proxy
from tests.support.interpreters import build_as


def test_an_optimised_python_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    build_as(monkeypatch, "'--enable-optimizations'")
    found = python()
    assert (found.state, found.advice) == ("ok", "")
    assert ", optimised (PGO), with uvloop; the gateway is" in found.detail


def test_it_says_whether_the_gateway_is_compiled() -> None:
    build = "is not" if str(proxy.__file__).endswith(".py") else "is"
    assert python().detail.endswith(f"; the gateway {build} compiled")


def test_a_python_that_does_not_tell_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    build_as(monkeypatch, None)
    assert python().state == "ok"


def test_of_a_python_that_is_not_optimised_it_says_what_that_costs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    build_as(monkeypatch)
    found = python()
    assert found.state == "warning"
    assert "not optimised (no PGO)" in found.detail
    assert "11 to 29 % less CPU" in found.advice


@pytest.mark.parametrize(
    ("system", "platform", "advice"),
    [
        (
            ["apt-get", "python3", "python3.11", "python3.13"],
            "linux",
            "apt-get install python3.13-venv, and make the virtual environment anew with {}/python3.13",
        ),
        # Ubuntu 22.04: its own is too old.
        (
            ["apt-get", "python3", "python3.10"],
            "linux",
            "install one of your distribution or with uv",
        ),
        (["python3", "python3.11"], "linux", "install one of your distribution or with uv"),
        (["python3"], "darwin", "brew install python, and make"),
    ],
)
def test_it_says_where_there_is_an_optimised_one_for_this_machine(
    system: list[str],
    platform: str,
    advice: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    build_as(monkeypatch)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(sys, "prefix", "/opt/lockgate")
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in system:
        (tmp_path / name).touch(0o755)
    assert advice.format(tmp_path) in python(tmp_path).advice


def test_in_a_checkout_make_takes_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    build_as(monkeypatch)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    (tmp_path / "setup.cfg").touch()
    (tmp_path / "gateway").mkdir()
    assert python().advice.endswith(f", remove {tmp_path}/.venv, make install")


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
