"""What notification_service reads from the environment: where the registry is, whose Redis keeps them."""

from discovery.model.settings import DEFAULT_REDIS_URL
from services.base.settings import Port, ServiceSettings


class NotificationSettings(ServiceSettings):
    """URL and namespace are checked by RegistrySettings, which repeats no password when refusing."""

    service_port: Port = 8004
    redis_url: str = DEFAULT_REDIS_URL
    registry_namespace: str = "default"
