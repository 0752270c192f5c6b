"""The names of this package, each imported when it is first used."""

from importlib import import_module
from typing import Any

#: The module of this package that each name is imported from.
MODULES = {
    "Announcement": "announcing.announcement",
    "AsyncServiceRegistry": "client.async_registry",
    "Change": "client.async_registry",
    "DiscoveryError": "model.errors",
    "InvalidRegistration": "model.errors",
    "RegistrySettings": "model.settings",
    "RegistryUnavailable": "model.errors",
    "ServiceNotFound": "model.errors",
    "ServiceRegistry": "client.registry",
    "SettingsError": "model.errors",
    "announce": "announcing.aiohttp_app",
    "announced": "announcing.any_program",
    "get_service_registry": "client.registry",
}


def export(name: str) -> Any:
    """Import the object of that name; AttributeError where there is none."""
    if name not in MODULES:
        raise AttributeError(f"module {__package__!r} has no attribute {name!r}")
    return getattr(import_module(f".{MODULES[name]}", __package__), name)
