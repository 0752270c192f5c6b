"""What signal_service reads from the environment: what all services do."""

from services.base.settings import Port, ServiceSettings


class SignalSettings(ServiceSettings):
    service_port: Port = 8003
