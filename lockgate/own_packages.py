"""Finds the packages that came with this one, whatever else has their names."""

import importlib
import importlib.util
import sys
import threading
from pathlib import Path
from types import ModuleType

_ROOT = Path(__file__).resolve().parent.parent
_PRIVATE_NAME = "lockgate.discovery"
_lock = threading.RLock()


def put_own_packages_first() -> None:
    """For processes that run nothing but Lockgate; call it before one of its packages is imported."""
    sys.path.insert(0, str(_ROOT))


def own_discovery() -> ModuleType:
    """The package `discovery` of this distribution.

    Where a project has a `discovery` of its own, ours is loaded beside it under a name of its own.
    """
    with _lock:
        if _PRIVATE_NAME in sys.modules:
            return sys.modules[_PRIVATE_NAME]
        if _is_ours("discovery"):
            return importlib.import_module("discovery")
        return _load_privately()


def _is_ours(package: str) -> bool:
    loaded = sys.modules.get(package)
    spec = importlib.util.find_spec(package) if loaded is None else loaded.__spec__
    origin = None if spec is None else spec.origin
    return origin is not None and Path(origin).resolve().parent == _ROOT / package


def _load_privately() -> ModuleType:
    folder = _ROOT / "discovery"
    spec = importlib.util.spec_from_file_location(
        _PRIVATE_NAME, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} is missing: install lockgate anew")
    module = sys.modules[_PRIVATE_NAME] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[_PRIVATE_NAME]
        raise
    return module
