"""Service discovery on Redis: leases, health and the view; it knows nothing of the gateway."""

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
