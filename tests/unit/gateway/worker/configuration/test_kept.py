"""What the master keeps comes back as it was, and shows no secret."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.config.file.held_files import Held
from gateway.config.settings import load_settings
from gateway.worker.configuration.at_start import read_at_start
from gateway.worker.configuration.kept import FILE, KeptFile, kept_file

HELD = (Held(b"\x01\xff", data=b"secret\xff"), Held(b"", "it can't be read"))


def test_it_comes_back_as_it_was() -> None:
    kept = KeptFile(b"routes: []\xff", HELD)
    again = kept_file(orjson.loads(orjson.dumps({FILE: kept.as_json()})))
    assert again == kept
    assert again is not None
    assert [one.data for one in again.held] == [b"secret\xff", b""]
    assert "secret" not in repr(kept)


@pytest.mark.parametrize("said", [{}, {FILE: {}}, {FILE: {"content": 1, "held": []}}, {FILE: None}])
def test_what_is_not_understood_is_as_if_it_were_not_there(said: dict[str, Any]) -> None:
    assert kept_file(said) is None


def test_what_is_kept_comes_before_a_file_that_is_broken_by_now(tmp_path: Path) -> None:
    file = tmp_path / "lockgate.yaml"
    file.write_text("routes:\n  - {name: r, match: {path: /r}, respond: {status: 200}}\n")
    settings = load_settings({"GATEWAY_CONFIG": str(file)})
    before = read_at_start(settings)
    assert before is not None
    kept = {FILE: before.whole.as_json()}
    file.write_text("broken: [")

    again = read_at_start(settings, kept)

    assert again is not None
    assert again.origin.digest == before.origin.digest
