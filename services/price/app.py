"""price_service: built on market_data_service, which it finds by name."""

from aiohttp import web

from services.base.app import CLIENT, STOPPING, create_service_app
from services.base.background import in_background
from services.base.directory import Directory
from services.base.service import Service
from services.price.feed import PriceFeed
from services.price.market import MARKET_DATA, Market
from services.price.prices import Prices
from services.price.routes import price_routes
from services.price.settings import PriceSettings
from services.price.sockets import USUAL_PACE, Pace, PriceSockets

NAME = "price_service"


def create_app(
    settings: PriceSettings, directory: Directory, pace: Pace = USUAL_PACE
) -> web.Application:
    app = create_service_app(
        name=NAME, settings=settings, directory=directory, dependencies=[MARKET_DATA]
    )
    prices = Prices(Market(app[CLIENT]))
    app.add_routes(price_routes(prices))

    feed = PriceFeed(prices, pace.push_s)
    app.cleanup_ctx.append(in_background(feed.run, "price-feed"))
    sockets = PriceSockets(prices, feed, ping_s=pace.ping_s, stopping=app[STOPPING])
    app.router.add_get("/ws", sockets.connect, allow_head=False)
    app.on_shutdown.append(sockets.close_all)
    return app


SERVICE = Service(NAME, PriceSettings, create_app)
