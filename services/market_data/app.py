"""market_data_service: the source of all data in the trading system."""

import time
from collections.abc import Callable

from aiohttp import web

from services.base.app import STOPPING, create_service_app
from services.base.directory import Directory
from services.base.service import Service
from services.market_data.routes import market_data_routes
from services.market_data.settings import MarketDataSettings
from services.market_data.simulation import SimulatedExchange

NAME = "market_data_service"


def create_app(
    settings: MarketDataSettings,
    directory: Directory,
    clock: Callable[[], float] = time.time,
) -> web.Application:
    app = create_service_app(name=NAME, settings=settings, directory=directory)
    source = settings.market_data_file or SimulatedExchange()
    app.add_routes(market_data_routes(source, clock=clock, stopping=app[STOPPING]))
    return app


SERVICE = Service(NAME, MarketDataSettings, create_app)
