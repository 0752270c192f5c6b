"""Settings of notification_service: the registry, in whose Redis notifications are kept."""

from discovery.model.settings import DEFAULT_REDIS_URL
from services.base.settings import Port, ServiceSettings


class NotificationSettings(ServiceSettings):
    """RegistrySettings checks URL and namespace, and repeats no password in a refusal."""

    service_port: Port = 8004
    redis_url: str = DEFAULT_REDIS_URL
    registry_namespace: str = "default"
