"""Settings that market_data_service has beside those of every service."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_settings import NoDecode, SettingsConfigDict

from services.base.settings import Port, ServiceSettings
from services.market_data.candle_file import CandleFile, read_candle_file


def _opened(value: Any) -> Any:
    return read_candle_file(Path(value)) if isinstance(value, str | Path) else value


class MarketDataSettings(ServiceSettings):
    """`market_data_file` is the file's content, read and checked; None: the simulated exchange."""

    model_config = SettingsConfigDict(arbitrary_types_allowed=True)

    service_port: Port = 8000
    market_data_file: Annotated[CandleFile | None, BeforeValidator(_opened), NoDecode] = None
