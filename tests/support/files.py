"""Reads files that another process or thread writes."""

from pathlib import Path


def text_of(path: Path) -> str:
    """What the file says; nothing where it has not been written yet."""
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""
