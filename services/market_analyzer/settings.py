"""What market_analyzer_service reads from the environment: what all services do."""

from services.base.settings import Port, ServiceSettings


class MarketAnalyzerSettings(ServiceSettings):
    service_port: Port = 8001
