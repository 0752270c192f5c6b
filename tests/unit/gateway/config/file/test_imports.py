"""What reads a configuration file is loaded where one is named, and only there."""

import subprocess
import sys

from tests.support.documents import ROOT


def test_a_gateway_without_a_file_loads_nothing_of_it() -> None:
    program = (
        "import sys, gateway.process.start, gateway.process.serve, gateway.config.settings; "
        "print([name for name in sys.modules if name.startswith(('yaml', 'gateway.config.file'))])"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert finished.stdout == "[]\n"
