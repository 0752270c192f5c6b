"""Services: fixed addresses and their probes, and bounds for all instances of a service."""

from collections.abc import Iterable
from typing import Annotated, ClassVar
from urllib.parse import quote

from pydantic import Field

from discovery.model.errors import InvalidRegistration
from discovery.model.fixed import FixedHealth, fixed_instance
from discovery.model.instance import MAX_URL_CHARACTERS
from gateway.config.file.auth.route import Auth
from gateway.config.file.balance import Balance
from gateway.config.file.cache import Cache
from gateway.config.file.compress import Compress
from gateway.config.file.hosts import Url
from gateway.config.file.http_texts import Name, SomeText
from gateway.config.file.mirror import Mirrors
from gateway.config.file.numbers import Statuses, StatusRange, duration, whole_number
from gateway.config.file.outliers import Breaker, Outliers
from gateway.config.file.paths import Literal
from gateway.config.file.policies import Flag, Timeouts
from gateway.config.file.retries import Retries
from gateway.config.file.sections import Listed, Section, Some, Wrong
from gateway.config.file.transform import Request, Response
from gateway.config.file.upstream_tls import UpstreamTls
from gateway.config.file.validate import Validate
from gateway.config.file.versions import Versions

#: What stands in a path as it is, percent signs included (RFC 3986, section 3.3).
SAFE = "/%:@!$&'()*+,;=~"


class Health(Section):
    """How instances with fixed addresses are probed; left out: by a TCP connection."""

    needs: ClassVar[dict[str, str]] = {"statuses": "path", "body": "path"}

    path: Literal | None = Field(
        default=None,
        description="The path that a GET asks for; left out: a TCP connection is enough.",
        examples=["/health"],
    )
    interval_s: Annotated[float, duration("50ms", "1h")] | None = Field(
        default=None,
        alias="interval",
        description="Time between two probes; left out: HEALTH_CHECK_INTERVAL.",
        examples=["5s"],
        json_schema_extra={"default": "5s"},
    )
    statuses: Some[StatusRange] = Field(
        default=(Statuses(200, 299),),
        description="Statuses of an answer that passes.",
        examples=[["200-299", 401]],
        json_schema_extra={"default": ["200-299"]},
    )
    body: SomeText | None = Field(
        default=None, description="Text that the answer's body must contain.", examples=["ok"]
    )

    @property
    def of_instances(self) -> FixedHealth:
        """How each instance is probed."""
        if self.path is None:  # a connect has no status
            return FixedHealth(interval_s=self.interval_s)
        statuses = ",".join(map(str, self.statuses))
        return FixedHealth(self.path.text, self.interval_s, statuses, self.body or "")


class Service(Section):
    """A service by its name: one that registers, or one with fixed addresses."""

    needs: ClassVar[dict[str, str]] = {"health": "urls"}
    switched_off_by_null: ClassVar[frozenset[str]] = frozenset(
        [
            "timeouts",
            "limits",
            "cache",
            "compress",
            "validate",
            "balance",
            "outliers",
            "breaker",
            "retries",
            "request",
            "response",
            "versions",
            "mirror",
        ]
    )

    urls: Some[Url] = Field(
        default=(),
        description="Fixed addresses of its instances, for a service that does not register.",
        examples=[["http://10.0.0.5:9000"]],
    )
    health: Health | None = Field(
        default=None,
        description="How these addresses are probed; instances that register say it themselves.",
        examples=[{"path": "/health"}],
    )
    timeouts: Timeouts | None = Field(
        default=None,
        description="Time-outs of its requests, on every route; a key that is left out is that of "
        "defaults; null: none.",
        examples=[{"head": "5s"}],
    )
    limits: Listed[Name] | None = Field(
        default=None,
        description="Names of limits of its routes, in place of those of defaults; null: none.",
        examples=[["default"]],
    )
    auth: Auth | None = Field(
        default=None,
        description="Whom its routes admit, in place of what defaults say; none: everybody.",
        examples=[{"any_of": ["keys"]}],
    )
    cache: Cache | None = Field(
        default=None,
        description="What of its answers is remembered; a key that is left out is that of defaults; null: nothing.",
        examples=[{"stale_if_error": "1h"}],
    )
    validates: Validate | None = Field(
        default=None,
        alias="validate",
        description="Whether its requests are held against its OpenAPI document, in place of what defaults say; "
        "null: they are not.",
        examples=["enforce"],
    )
    compress: Compress | None = Field(
        default=None,
        description="Which of its answers are compressed; a key that is left out is that of defaults; null: none.",
        examples=[{"over": "4KiB"}],
    )
    request: Request | None = Field(
        default=None,
        description="What is changed in requests; a key that is left out is that of defaults; null: nothing.",
        examples=[{"headers": {"remove": ["X-Debug"]}}],
    )
    response: Response | None = Field(
        default=None,
        description="What is changed in answers; a key that is left out is that of defaults; null: nothing.",
        examples=[{"headers": {"set": {"X-Frame-Options": "DENY"}}}],
    )
    rewrite_location: Flag = Field(
        default=False,
        description="Whether URLs of a service's own in Location, Content-Location, Link and Refresh, and the "
        "path and domain of its cookies, become those that clients use.",
        examples=[True],
    )
    versions: Versions | None = Field(
        default=None,
        description="Which of its versions a request gets; a key that is left out is that of defaults; null: any.",
        examples=[{"from": ["path", {"header": "Accept-Version"}], "default": "1"}],
    )
    mirror: Mirrors | None = Field(
        default=None,
        description="Copies of its requests to other instances, on every route, in place of what defaults say; "
        "null: none.",
        examples=[{"to": ">=3", "share": 10}],
    )
    balance: Balance | None = Field(
        default=None,
        description="Which instance gets a request; null: as where it is left out, by p2c.",
        examples=[{"by": "round_robin"}],
    )
    outliers: Outliers | None = Field(
        default=None,
        description="When an instance gets no requests for a while because of what it answers; left out or "
        "null: probes alone decide.",
        examples=[{"failures": 5}],
    )
    breaker: Breaker | None = Field(
        default=None,
        description="When the service gets no requests for a while because all of it fails; left out or "
        "null: never.",
        examples=[{"open_for": "5s"}],
    )
    retries: Retries | None = Field(
        default=None,
        description="When its requests are tried again; left out or null: a failed connect or a hang at "
        "each other instance once, and a reset too if the method is idempotent.",
        examples=[{"attempts": 3, "on": ["connect", "reset", 502, 503]}],
    )
    tls: UpstreamTls | None = Field(
        default=None,
        description="How its https instances are verified, and what the gateway shows to them; left out: by "
        "the system's authorities and the host of each instance.",
        examples=[{"ca_file": "ca.pem", "server_name": "legacy.internal"}],
    )
    concurrent: Annotated[int, whole_number(0, 1_000_000)] = Field(
        default=0,
        description="Most requests in flight to all of its instances together, from this gateway, whose workers "
        "have equal parts of it; 0: no limit.",
        examples=[200],
    )

    def wrong(self) -> Iterable[Wrong]:
        """What no instance can have, such as a path that makes a URL too long."""
        if self.tls and self.urls and not any(str(u).startswith("https:") for u in self.urls):
            yield Wrong(("tls",), "none of its urls begins with https://", at_key=True)
        if not self.urls or self.health is None:
            return
        longest = max(map(str, self.urls), key=len)
        path = "" if self.health.path is None else self.health.path.text
        if not path.isascii():
            yield Wrong(("health", "path"), f"must be ASCII; write {quote(path, safe=SAFE)}")
        elif len(longest) + len(path) > MAX_URL_CHARACTERS:
            message = (
                f"is too long: with its address it has more than {MAX_URL_CHARACTERS} characters"
            )
            yield Wrong(("health", "path"), message)
        else:
            try:
                fixed_instance("service", longest, self.health.of_instances)
            except InvalidRegistration as error:
                yield Wrong(("health",), str(error).removeprefix(f"{longest!r}: "))
