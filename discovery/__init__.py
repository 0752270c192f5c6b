"""Service discovery on Redis: leases, health and the view; it knows nothing of the gateway.

A name is imported when it is first used, so a program loads only the modules that it needs.
"""

from pkgutil import extend_path
from typing import TYPE_CHECKING, Any

from .exports import export

if TYPE_CHECKING:
    from .announcing.aiohttp_app import announce
    from .announcing.announcement import Announcement
    from .announcing.any_program import announced
    from .client.async_registry import AsyncServiceRegistry, Change
    from .client.registry import ServiceRegistry, get_service_registry
    from .model.errors import (
        DiscoveryError,
        InvalidRegistration,
        RegistryUnavailable,
        ServiceNotFound,
        SettingsError,
    )
    from .model.settings import RegistrySettings

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

# A project's own `discovery` folder without `__init__.py` stays importable beside this package.
__path__ = extend_path(__path__, __name__)


if not TYPE_CHECKING:  # for a type checker any name would be one of ours then, a mistyped one too

    def __getattr__(name: str) -> Any:
        value = globals()[name] = export(name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
