"""Tells users when the extra `gateway` is not installed; the bare install only registers services."""

import sys

_OURS = frozenset({"discovery", "gateway", "lockgate", "middlewares", "services", "shared"})


def tell_missing_extra(what: str, error: ModuleNotFoundError, install: str = "gateway") -> None:
    """Say in one line that `what` needs the extra; raise the error if a module of our own is missing."""
    package = (error.name or "").partition(".")[0]
    if not package or package in _OURS:
        raise error
    sys.stderr.write(
        f'lockgate: {what} needs the extra "gateway" ({package} is not installed): '
        f'pip install "lockgate[{install}]"\n'
    )
