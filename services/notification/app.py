"""notification_service: keeps what it accepts in the registry's Redis, and nothing in memory."""

from collections.abc import AsyncIterator

from aiohttp import web

from discovery.model.settings import RegistrySettings
from services.base.app import STOPPING, create_service_app
from services.base.background import in_background
from services.base.directory import Directory
from services.base.service import Service
from services.notification.bell import Bell
from services.notification.feed import NotificationFeed
from services.notification.routes import notification_routes
from services.notification.settings import NotificationSettings
from services.notification.store import DEPENDENCY, MOST_KEPT, NotificationStore

NAME = "notification_service"


def create_app(
    settings: NotificationSettings, directory: Directory, most_kept: int = MOST_KEPT
) -> web.Application:
    registry = RegistrySettings(redis_url=settings.redis_url, namespace=settings.registry_namespace)
    store = NotificationStore(registry, most_kept)
    app = create_service_app(
        name=NAME, settings=settings, directory=directory, checks={DEPENDENCY: store.check}
    )

    async def closed_store(_app: web.Application) -> AsyncIterator[None]:
        yield
        await store.close()

    app.cleanup_ctx.append(closed_store)
    bell = Bell(store)
    app.cleanup_ctx.append(in_background(bell.run, "notification-bell"))

    feed = NotificationFeed(store, bell, app[STOPPING])
    # Before the path of one notification, which would match too; a HEAD would never end.
    app.router.add_get("/notifications/stream", feed.stream, allow_head=False)
    app.add_routes(notification_routes(store))
    return app


SERVICE = Service(NAME, NotificationSettings, create_app)
