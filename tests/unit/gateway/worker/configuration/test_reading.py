"""What the gateway says of a file that it can't start with."""

import os
from pathlib import Path

import pytest

from gateway.config.file.bounds import MAX_BYTES
from gateway.config.settings import load_settings
from gateway.worker.configuration.reading import read_file
from gateway.worker.configuration.reloading import ConfigurationRejected


def refusal(file: Path) -> str:
    with pytest.raises(ConfigurationRejected) as caught:
        read_file(file, load_settings({}))
    (mistake,) = caught.value.mistakes
    return mistake.replace(str(file), "FILE")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    told = "GATEWAY_CONFIG='FILE': it can't be read: No such file or directory"
    assert refusal(tmp_path / "none") == told


def test_a_folder(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "GATEWAY_CONFIG='FILE': it can't be read: Is a directory"


def test_a_pipe_which_would_be_empty_when_it_is_read_again(tmp_path: Path) -> None:
    """That of `<(…)` was: a second later no route was in force. One that nobody wrote to was waited for."""
    os.mkfifo(tmp_path / "pipe")
    told = "GATEWAY_CONFIG='FILE': it can't be read: it is no regular file"
    assert refusal(tmp_path / "pipe") == told


def test_a_file_of_any_size_is_read_up_to_the_bound(tmp_path: Path) -> None:
    file = tmp_path / "large"
    with file.open("wb") as opened:
        opened.truncate(2 * MAX_BYTES)
    assert refusal(file).startswith("FILE:1:1: ")
