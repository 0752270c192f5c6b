"""Settings of signal_service: those of every service."""

from services.base.settings import Port, ServiceSettings


class SignalSettings(ServiceSettings):
    service_port: Port = 8003
