"""Service discovery on Redis: leases, health and the view; it knows nothing of the gateway."""

from discovery.announcement import Announcement
from discovery.announcing import announce
from discovery.async_registry import AsyncServiceRegistry, Change
from discovery.background import announced
from discovery.errors import (
    DiscoveryError,
    InvalidRegistration,
    RegistryUnavailable,
    ServiceNotFound,
    SettingsError,
)
from discovery.registry import ServiceRegistry, get_service_registry
from discovery.settings import RegistrySettings

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
