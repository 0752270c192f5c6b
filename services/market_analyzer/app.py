"""market_analyzer_service: built on market_data_service, which it finds by name."""

from aiohttp import web

from services.base.app import CLIENT, create_service_app
from services.base.directory import Directory
from services.base.service import Service
from services.market_analyzer.market import MARKET_DATA, Market
from services.market_analyzer.routes import analyzer_routes
from services.market_analyzer.settings import MarketAnalyzerSettings

NAME = "market_analyzer_service"


def create_app(settings: MarketAnalyzerSettings, directory: Directory) -> web.Application:
    app = create_service_app(
        name=NAME, settings=settings, directory=directory, dependencies=[MARKET_DATA]
    )
    app.add_routes(analyzer_routes(Market(app[CLIENT])))
    return app


SERVICE = Service(NAME, MarketAnalyzerSettings, create_app)
