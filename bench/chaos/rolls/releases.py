"""The code of a gateway that can be replaced by a broken release."""

import shutil
from pathlib import Path

TREE = Path(__file__).resolve().parents[3]
PACKAGES = ("gateway", "middlewares", "discovery", "shared", "services")
FACE = "lockgate"
#: A module that only workers import.
SPOILT = "app.py"
RAISES = 'raise RuntimeError("this release is broken")\n'
NEVER_READY = "import time\n\ntime.sleep(3600)\n"
SLOW_S = 5
SLOW = f"import time\n\ntime.sleep({SLOW_S})\n"


class Release:
    """A folder of links to this checkout, in which one module can be another one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self) -> str:
        """Make it if it is not there; returns it as a PYTHONPATH."""
        if not self._folder.exists():
            own = self._folder / PACKAGES[0]
            own.mkdir(parents=True)
            for name in PACKAGES[1:]:
                (self._folder / name).symlink_to(TREE / name)
            # It looks for the other packages beside itself, wherever a link leads.
            shutil.copytree(TREE / FACE, self._folder / FACE)
            for child in (TREE / PACKAGES[0]).iterdir():
                if child.name != "__pycache__":
                    (own / child.name).symlink_to(child)
        return str(self._folder)

    def spoil(self, text: str) -> None:
        """From now on the module is this text, with what it was behind it."""
        place = self._folder / PACKAGES[0] / SPOILT
        place.unlink()
        place.write_text(text + (TREE / PACKAGES[0] / SPOILT).read_text("utf-8"), "utf-8")

    def mend(self) -> None:
        place = self._folder / PACKAGES[0] / SPOILT
        place.unlink()
        place.symlink_to(TREE / PACKAGES[0] / SPOILT)
