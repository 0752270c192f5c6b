"""The documented import: `from shared.service_discovery import get_service_registry`."""

from lockgate import (
    AsyncServiceRegistry,
    DiscoveryError,
    RegistryUnavailable,
    ServiceNotFound,
    ServiceRegistry,
    get_service_registry,
)

__all__ = [
    "AsyncServiceRegistry",
    "DiscoveryError",
    "RegistryUnavailable",
    "ServiceNotFound",
    "ServiceRegistry",
    "get_service_registry",
]
