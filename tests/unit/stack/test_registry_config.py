"""The configuration of a stack's own registry server."""

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from pathlib import Path
from gateway.stack.registry.server import own_registry
from gateway.stack.state import StackState
own_registry(6379, StackState(Path(sys.argv[1])))
"""


def test_a_folder_is_named_in_its_own_bytes_whatever_the_locale_can_write(tmp_path: Path) -> None:
    """In a folder with Umlauts and a locale without UTF-8, `serve` ended with a traceback."""
    folder = tmp_path / "Läden"
    folder.mkdir()
    variables = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)],
        env={**os.environ, **variables, "PYTHONPATH": str(Path(__file__).parents[3])},
        check=True,
    )
    text = (folder / "registry.conf").read_bytes()
    assert b'dir "' + os.fsencode(folder / "registry") + b'"' in text
