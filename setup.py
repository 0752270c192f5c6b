"""The description for package indexes: README.md with links that lead somewhere from there too."""

import re
from pathlib import Path

from setuptools import setup

REPOSITORY = "https://github.com/lockgate/lockgate"
FILES = "https://raw.githubusercontent.com/lockgate/lockgate/main"

_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)")
_IMAGE = re.compile(r"(?<=\bsrc=\")(?!\w+:)|(?<=\bsrcset=\")(?!\w+:)")


def description() -> str:
    text = Path(__file__).with_name("README.md").read_text("utf-8")
    # Indexes show no <picture>: its <img>, for light and dark, is left.
    text = re.sub(r"</?picture>\n?|\s*<source [^>]*>\n?", "", text)
    return _LINK.sub(f"{REPOSITORY}/blob/main/", _IMAGE.sub(f"{FILES}/", text))


setup(long_description=description())
