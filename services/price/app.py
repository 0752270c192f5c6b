"""price_service: built on market_data_service, which it finds by its name."""

from aiohttp import web

from services.base.app import CLIENT, create_service_app
from services.base.directory import Directory
from services.base.service import Service
from services.price.market import MARKET_DATA, Market
from services.price.routes import price_routes
from services.price.settings import PriceSettings

NAME = "price_service"


def create_app(settings: PriceSettings, directory: Directory) -> web.Application:
    app = create_service_app(
        name=NAME, settings=settings, directory=directory, dependencies=[MARKET_DATA]
    )
    app.add_routes(price_routes(Market(app[CLIENT])))
    return app


SERVICE = Service(NAME, PriceSettings, create_app)
