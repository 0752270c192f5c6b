"""Settings of market_analyzer_service: those of every service."""

from services.base.settings import Port, ServiceSettings


class MarketAnalyzerSettings(ServiceSettings):
    service_port: Port = 8001
