"""The public face for services: `from lockgate import announce, get_service_registry`.

It works in projects that have packages called `discovery`, `gateway`, `middlewares`, `services` or
`shared` of their own. A name is imported when it is first used, so that the command starts quickly.
"""

from typing import TYPE_CHECKING, Any

from lockgate.own_packages import own_discovery

if TYPE_CHECKING:
    from discovery import (
        Announcement,
        AsyncServiceRegistry,
        Change,
        DiscoveryError,
        InvalidRegistration,
        RegistrySettings,
        RegistryUnavailable,
        ServiceNotFound,
        ServiceRegistry,
        SettingsError,
        announce,
        announced,
        get_service_registry,
    )

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


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(own_discovery(), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
