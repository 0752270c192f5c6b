"""The code that a process of the stack is started with: when it changes, the process is restarted."""

import hashlib
import re
import sysconfig
from functools import cache
from importlib import metadata
from pathlib import Path

from gateway.stack.plan import GATEWAY, REGISTRY
from gateway.version import VERSION

_ROOT = Path(__file__).parents[3]
#: What the processes import; they don't use the command line and this package.
_GATEWAY_CODE = ("lockgate", "gateway", "middlewares", "discovery")
_SERVICE_CODE = ("lockgate", "services", "middlewares", "discovery")
_NOT_THE_GATEWAYS = ("gateway/cli", "gateway/stack")
_SUFFIXES = frozenset({".py", ".lua", ".html"})
_DIST_INFO = re.compile(r"(?P<name>.+)-[^-]+\.dist-info")
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def code_of(service: str) -> str:
    """The version, a space, and a digest of every file of the code and every library."""
    if service == REGISTRY:
        return ""
    return f"{VERSION} {_digest(_GATEWAY_CODE if service == GATEWAY else _SERVICE_CODE)}"


@cache
def _digest(packages: tuple[str, ...]) -> str:
    digest = hashlib.sha256("\n".join(_libraries()).encode())
    for package in packages:
        for path in sorted((_ROOT / package).rglob("*")):
            name = path.relative_to(_ROOT).as_posix()
            if path.suffix in _SUFFIXES and not name.startswith(_NOT_THE_GATEWAYS):
                digest.update(f"{name}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


@cache
def _libraries() -> list[str]:
    """The libraries that Lockgate requires, as installed: `aiohttp-3.14.5.dist-info`."""
    try:
        required = metadata.requires("lockgate") or []
    except metadata.PackageNotFoundError:
        return []
    wanted = {
        _normal(name) for one in required for name in _NAME.findall(one)[:1] if _is_needed(one)
    }
    return sorted(
        path.name
        for path in Path(sysconfig.get_path("purelib")).glob("*.dist-info")
        if (found := _DIST_INFO.fullmatch(path.name)) and _normal(found["name"]) in wanted
    )


def _is_needed(requirement: str) -> bool:
    """Whether a process needs it; what only the tests need changes no process."""
    return "extra ==" not in requirement or "gateway" in requirement.rpartition("extra ==")[2]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
