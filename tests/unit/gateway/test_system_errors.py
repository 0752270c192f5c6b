"""What a person sees when the system refuses something: one line and no traceback."""

import errno
import os
from pathlib import Path

import click
import pytest

from gateway.cli.application import FAILURE, USAGE, lockgate, run
from gateway.stack.state import StackState


def _raising(error: OSError) -> click.Command:
    @click.command()
    def command() -> None:
        raise error

    return command


def test_a_folder_of_another_user_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["lockgate"])
    error = PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/shop/.lockgate/0/lock")
    assert run(_raising(error), "lockgate") == FAILURE
    said = capsys.readouterr().err
    assert said.startswith("lockgate: /shop/.lockgate/0/lock: Permission denied; is it another")
    assert said.count("\n") == 1


def test_a_full_disk_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["lockgate"])
    error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert run(_raising(error), "lockgate") == FAILURE
    assert "lockgate: No space left on device; make room" in capsys.readouterr().err


def test_what_is_kept_in_place_of_a_folder_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["lockgate"])
    (tmp_path / "file").touch()

    @click.command()
    def command() -> None:
        StackState(tmp_path / "file" / "0").prepare()

    assert run(command, "lockgate") == FAILURE
    assert f"{tmp_path}/file" in capsys.readouterr().err


def test_a_working_folder_that_was_removed_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["lockgate", "ps"])
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert run(lockgate, "lockgate") == FAILURE
    assert "was the folder that you are in removed?" in capsys.readouterr().err


def test_an_empty_data_folder_is_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts as unset; data, logs and token were once written to the working folder."""
    monkeypatch.setattr("sys.argv", ["lockgate", "serve", "--data-dir", ""])
    assert run(lockgate, "lockgate") == USAGE
    assert "--data-dir': it is empty" in capsys.readouterr().err
