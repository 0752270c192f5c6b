"""Service discovery on Redis: leases, health and the view; it knows nothing of the gateway.

A name is imported when it is first used: a program that needs one of the modules waits for no other.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .announcement import Announcement
    from .announcing import announce
    from .async_registry import AsyncServiceRegistry, Change
    from .background import announced
    from .errors import (
        DiscoveryError,
        InvalidRegistration,
        RegistryUnavailable,
        ServiceNotFound,
        SettingsError,
    )
    from .registry import ServiceRegistry, get_service_registry
    from .settings import RegistrySettings

__all__ = [
    "Announcement",
    "AsyncServiceRegistry",
    "Change",
    "DiscoveryError",
    "InvalidRegistration",
    "RegistrySettings",
    "RegistryUnavailable",
    "ServiceNotFound",
    "ServiceRegistry",
    "SettingsError",
    "announce",
    "announced",
    "get_service_registry",
]

_MODULES = {
    "Announcement": "announcement",
    "AsyncServiceRegistry": "async_registry",
    "Change": "async_registry",
    "ServiceRegistry": "registry",
    "RegistrySettings": "settings",
    "announce": "announcing",
    "announced": "background",
    "get_service_registry": "registry",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f".{_MODULES.get(name, 'errors')}", __name__)
    value = globals()[name] = getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
