"""The list of the services, one line for each."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from services.base.service import Service

#: The name that it registers, and the module of its SERVICE; only the one that runs is imported.
MODULES = {
    "market_analyzer_service": "services.market_analyzer.app",
    "market_data_service": "services.market_data.app",
    "notification_service": "services.notification.app",
    "price_service": "services.price.app",
    "signal_service": "services.signal.app",
}


def find(name: str) -> "Service[Any] | None":
    """The service of this name; `_service` may be left out."""
    module = MODULES.get(name) or MODULES.get(f"{name}_service")
    if module is None:
        return None
    service: Service[Any] = import_module(module).SERVICE
    return service
