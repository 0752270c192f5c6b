"""The whole file."""

from collections.abc import Iterable, Mapping

from pydantic import Field

from gateway.config.file.auth.ways import AnyWay
from gateway.config.file.cache import Stores
from gateway.config.file.defaults import Defaults
from gateway.config.file.http_texts import Name
from gateway.config.file.limits import Limit
from gateway.config.file.paths import Discover
from gateway.config.file.routes import Route
from gateway.config.file.sections import Section, Wrong
from gateway.config.file.services import Service
from gateway.config.file.tls import Tls
from middlewares.limits.deciding import DEFAULT_POLICY


class Configuration(Section):
    """The configuration file of a Lockgate gateway."""

    discover: Discover = Field(
        default="/api",
        description="Below this path every registered service has its route by name; false: there are "
        "only the routes of the file.",
        examples=["/api"],
    )
    defaults: Defaults = Field(
        default_factory=Defaults,
        description="Policies of every route that does not say otherwise.",
        examples=[{"limits": ["default"]}],
    )
    limits: Mapping[Name, Limit] = Field(
        default_factory=dict,
        description="Limits by name.",
        examples=[{"default": {"requests": 100, "window": "60s"}}],
    )
    auth: Mapping[Name, AnyWay] = Field(
        default_factory=dict,
        description="Ways to authenticate clients, by name. With one, `auth` must stand in `defaults` or in "
        "every route.",
        examples=[{"keys": {"type": "api_key"}}],
    )
    tls: Tls | None = Field(
        default=None,
        description="TLS at the front; left out: TLS_CERT_FILE and TLS_KEY_FILE alone say it.",
        examples=[{"certificates": [{"certificate_file": "a.pem", "key_file": "a.key"}]}],
    )
    cache: Stores = Field(
        default_factory=Stores,
        description="How much the stores of remembered answers may hold, for all routes with `cache` together.",
        examples=[{"memory": "64MiB"}],
    )
    services: Mapping[Name, Service] = Field(
        default_factory=dict,
        description="Services that need more than their registration says, by name.",
        examples=[{"legacy": {"urls": ["http://10.0.0.5:9000"]}}],
    )
    routes: tuple[Route, ...] = Field(
        default=(),
        description="Routes. The most specific match wins; of two that tie, the first.",
        examples=[[{"name": "shop", "match": {"prefix": "/shop"}, "service": "shop_service"}]],
    )

    def wrong(self) -> Iterable[Wrong]:
        usual = self.limits.get(DEFAULT_POLICY)
        if usual is not None and usual.requests is None:
            message = "must have requests and window, which RATE_LIMIT_REQUESTS and RATE_LIMIT_WINDOW can set"
            yield Wrong(("limits", DEFAULT_POLICY), message)
        tls = self.tls
        if tls is None or tls.client_certificate is None or tls.client_ca_file is not None:
            return
        if all(way.type != "mtls" for way in self.auth.values()):
            message = "needs client_ca_file, or a way of auth of the type mtls"
            yield Wrong(("tls", "client_certificate"), message, at_key=True)
