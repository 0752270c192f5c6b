"""signal_service: built on prices and analyses, and on notification_service for new signals."""

from aiohttp import web

from services.base.app import CLIENT, create_service_app
from services.base.background import in_background
from services.base.directory import Directory
from services.base.service import Service
from services.signal.notifier import NOTIFICATION, SignalNotifier
from services.signal.routes import signal_routes
from services.signal.settings import SignalSettings
from services.signal.signals import Signals
from services.signal.sources import ANALYZER, PRICE, Sources

NAME = "signal_service"

#: Seconds between looks for changed signals.
ROUND_S = 5.0


def create_app(
    settings: SignalSettings, directory: Directory, round_s: float = ROUND_S
) -> web.Application:
    app = create_service_app(
        name=NAME,
        settings=settings,
        directory=directory,
        dependencies=[PRICE, ANALYZER, NOTIFICATION],
    )
    signals = Signals(Sources(app[CLIENT]))
    app.add_routes(signal_routes(signals))
    notifier = SignalNotifier(signals, app[CLIENT], every_s=round_s)
    app.cleanup_ctx.append(in_background(notifier.run, "signal-notifier"))
    return app


SERVICE = Service(NAME, SignalSettings, create_app)
