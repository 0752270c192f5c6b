"""The versions in the labels of `gateway_build_info`."""

import platform
from importlib.metadata import version

from gateway.version import VERSION


def build_info() -> dict[str, str]:
    return {
        "version": VERSION,
        "python": platform.python_version(),
        "aiohttp": version("aiohttp"),
    }
