"""Lets the Python that runs the tests say that it was built in another way."""

import platform
import sys
import sysconfig

import pytest

FROM_SOURCE = "'--prefix=/opt/python'"


def build_as(
    monkeypatch: pytest.MonkeyPatch,
    arguments: str | None = FROM_SOURCE,
    *,
    scheme: str = "posix_prefix",
    prefix: str = "/opt/python",
    machine: str = "x86_64",
) -> None:
    """As if `configure` got these arguments; `scheme` is one that Python knows to install by."""
    monkeypatch.setitem(sysconfig.get_config_vars(), "CONFIG_ARGS", arguments)
    monkeypatch.setattr(sysconfig, "get_scheme_names", lambda: (scheme, "venv"))
    monkeypatch.setattr(sys, "base_prefix", prefix)
    monkeypatch.setattr(platform, "machine", lambda: machine)
