"""Finds the packages of this distribution even where others have the same names."""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

_ROOT = Path(__file__).resolve().parent.parent
_NAMES = ("discovery", "gateway", "middlewares", "services")
#: The only one with an `__init__.py`.
_REGULAR = "discovery"
_PRIVATE_NAME = "lockgate.discovery"


def prefer_own_packages() -> None:
    """Make the names mean Lockgate's packages, in processes that run only Lockgate.

    All other packages are found where they were before.
    """
    for name in _NAMES:  # `python -m gateway` may have found the project's folder beside ours
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, _OwnPackages())


def own_discovery() -> ModuleType:
    """This distribution's package `discovery`, for processes that belong to others.

    Where a project has its own `discovery`, ours is `lockgate.discovery`, and theirs is not touched.
    """
    if _PRIVATE_NAME not in sys.modules and _is_ours(_REGULAR):
        return import_module(_REGULAR)
    return import_module(_PRIVATE_NAME)


class _OwnPackages:
    """An import finder that is asked before all others."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in _NAMES:
            return None
        if name == _REGULAR:
            return PathFinder.find_spec(name, [str(_ROOT)])
        # Set directly: an `__init__.py` in the folder would be another distribution's.
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(_ROOT / name)]
        return spec


def _is_ours(package: str) -> bool:
    from importlib.util import find_spec

    loaded = sys.modules.get(package)
    spec = find_spec(package) if loaded is None else loaded.__spec__
    origin = None if spec is None else spec.origin
    return origin is not None and Path(origin).resolve().parent == _ROOT / package
