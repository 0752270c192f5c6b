"""Finds the packages that came with this one, whatever else has their names."""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

_ROOT = Path(__file__).resolve().parent.parent
_NAMES = ("discovery", "gateway", "middlewares", "services")
#: The one of them that has an `__init__.py`.
_REGULAR = "discovery"
_PRIVATE_NAME = "lockgate.discovery"


def prefer_own_packages() -> None:
    """For processes that run nothing but Lockgate: from now on those names mean its packages.

    Nothing else is found in another place than before.
    """
    for name in _NAMES:  # `python -m gateway` may have found a folder of the project's beside ours
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, _OwnPackages())


def own_discovery() -> ModuleType:
    """For processes of others: the package `discovery` of this distribution.

    Where a project has a `discovery` of its own, ours is `lockgate.discovery`, and theirs is left alone.
    """
    if _PRIVATE_NAME not in sys.modules and _is_ours(_REGULAR):
        return import_module(_REGULAR)
    return import_module(_PRIVATE_NAME)


class _OwnPackages:
    """A finder that is asked before all others."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in _NAMES:
            return None
        if name == _REGULAR:
            return PathFinder.find_spec(name, [str(_ROOT)])
        # Not looked for: an `__init__.py` that is there is another distribution's.
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(_ROOT / name)]
        return spec


def _is_ours(package: str) -> bool:
    from importlib.util import find_spec

    loaded = sys.modules.get(package)
    spec = find_spec(package) if loaded is None else loaded.__spec__
    origin = None if spec is None else spec.origin
    return origin is not None and Path(origin).resolve().parent == _ROOT / package
