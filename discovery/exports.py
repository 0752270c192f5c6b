"""The names of this package, each imported when it is first used."""

from importlib import import_module
from typing import Any

#: Which module of this package each name is from.
MODULES = {
    "Announcement": "announcement",
    "AsyncServiceRegistry": "async_registry",
    "Change": "async_registry",
    "DiscoveryError": "errors",
    "InvalidRegistration": "errors",
    "RegistrySettings": "settings",
    "RegistryUnavailable": "errors",
    "ServiceNotFound": "errors",
    "ServiceRegistry": "registry",
    "SettingsError": "errors",
    "announce": "announcing",
    "announced": "background",
    "get_service_registry": "registry",
}


def export(name: str) -> Any:
    """What has that name; AttributeError where nothing has."""
    if name not in MODULES:
        raise AttributeError(f"module {__package__!r} has no attribute {name!r}")
    return getattr(import_module(f".{MODULES[name]}", __package__), name)
