"""Settings of price_service: those of every service."""

from services.base.settings import Port, ServiceSettings


class PriceSettings(ServiceSettings):
    service_port: Port = 8002
