"""Routes: what each matches, and what becomes of its requests."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from gateway.config.file.auth.route import Auth
from gateway.config.file.cache import Cache
from gateway.config.file.composition import Compose
from gateway.config.file.compress import Compress
from gateway.config.file.hosts import Host
from gateway.config.file.http_texts import AnswerField, FieldValue, Name, Text, repeated
from gateway.config.file.matches import Match
from gateway.config.file.mirror import Mirrors
from gateway.config.file.numbers import Size, choice, whole_number
from gateway.config.file.paths import REST, Literal, Target
from gateway.config.file.policies import Cors, Flag, Sources, Timeouts
from gateway.config.file.sections import Listed, Section, Wrong
from gateway.config.file.split import Split
from gateway.config.file.transform import Request, Response
from gateway.config.file.validate import Validate
from gateway.config.file.versions import Versions
from gateway.config.file.wording import or_nearest, quoted, quoted_list

#: Answers with these statuses have no body (RFC 9110, section 6.4.1).
_WITHOUT_BODY = (204, 205, 304)


class Rewrite(Section):
    """The path and the host that an instance gets; left out: those of the request."""

    at_most_one: ClassVar[tuple[str, ...]] = ("path", "strip", "prefix")
    at_least_one: ClassVar[tuple[str, ...]] = ("path", "strip", "prefix", "host")

    path: Target | None = Field(
        default=None,
        description="The new path; it may use the names of match.path, and at its end {rest}, which is "
        "what the path has behind match.prefix.",
        examples=["/v2/orders/{id}"],
    )
    strip: Literal | None = Field(
        default=None,
        description="The first segments of the path, which are left out.",
        examples=["/shop"],
    )
    prefix: Literal | None = Field(
        default=None, description="Takes the place of match.prefix.", examples=["/new"]
    )
    host: Host | None = Field(
        default=None,
        description="The host that the instance is asked for.",
        examples=["legacy.internal"],
    )


class Respond(Section):
    """An answer of the gateway's own: a text, or one that is put together from those of services."""

    at_most_one: ClassVar[tuple[str, ...]] = ("body", "compose")

    status: Annotated[int, whole_number(200, 599)] = Field(
        default=200, description="The status of the answer.", examples=[200]
    )
    headers: Mapping[AnswerField, FieldValue] = Field(
        default_factory=dict,
        description="Headers of the answer.",
        examples=[{"Content-Type": "text/plain"}],
    )
    body: Text = Field(
        default="",
        description="The body of the answer, text/plain where `headers` have no Content-Type.",
        examples=["here"],
    )

    compose: Compose | None = Field(
        default=None,
        description="The answers of services that make the body, in place of `body`.",
        examples=[{"parts": {"user": {"service": "user_service", "path": "/users/{path.id}"}}}],
    )

    def wrong(self) -> Iterable[Wrong]:
        if self.compose is not None and (self.status > 299 or self.status in _WITHOUT_BODY):
            yield Wrong(("status",), "must be a status from 200 to 299 whose answer has a body")
        if self.body and self.status in _WITHOUT_BODY:
            yield Wrong(("body",), f"an answer with status {self.status} has no body")
        for name in repeated(self.headers):
            yield Wrong(("headers", name), "the header is there already, in another case", True)


class Redirect(Section):
    """A redirect; what is not named stays as it was asked."""

    at_most_one: ClassVar[tuple[str, ...]] = ("path", "prefix")
    at_least_one: ClassVar[tuple[str, ...]] = ("scheme", "host", "port", "path", "prefix")

    scheme: Annotated[str, choice("http", "https")] | None = Field(
        default=None, description="The scheme.", examples=["https"]
    )
    host: Host | None = Field(default=None, description="The host.", examples=["shop.example.com"])
    port: Annotated[int, whole_number(1, 65535)] | None = Field(
        default=None,
        description="The port; left out: that of the request, also with another scheme.",
        examples=[443],
    )
    path: Target | None = Field(
        default=None,
        description="The new path; it may use names as that of rewrite.",
        examples=["/moved"],
    )
    prefix: Literal | None = Field(
        default=None, description="Takes the place of match.prefix.", examples=["/shop"]
    )
    status: Annotated[int, choice(301, 302, 303, 307, 308)] = Field(
        default=302, description="The status.", examples=[301]
    )


class Route(Section):
    """Requests that match, and what becomes of them: a service, an answer or a redirect."""

    exactly_one: ClassVar[tuple[str, ...]] = ("service", "respond", "redirect")
    needs: ClassVar[dict[str, str]] = dict.fromkeys(
        (
            "rewrite",
            "preserve_host",
            "timeouts",
            "cache",
            "validate",
            "request",
            "response",
            "rewrite_location",
            "versions",
            "split",
            "mirror",
        ),
        "service",
    )
    switched_off_by_null: ClassVar[frozenset[str]] = frozenset(
        [
            "timeouts",
            "limits",
            "cache",
            "compress",
            "validate",
            "cors",
            "allow",
            "deny",
            "max_body",
            "request",
            "response",
            "versions",
            "split",
            "mirror",
        ]
    )
    stand_ins: ClassVar[Mapping[str, str]] = {"name": "a"}

    name: Name = Field(
        description="Names the route in logs, metrics and messages.", examples=["orders"]
    )
    match: Match = Field(
        description="Which requests are the route's; {} takes all of them.",
        examples=[{"prefix": "/shop"}],
    )
    service: Name | None = Field(
        default=None, description="The service that gets the requests.", examples=["order_service"]
    )
    respond: Respond | None = Field(
        default=None, description="An answer without a service.", examples=[{"body": "here"}]
    )
    redirect: Redirect | None = Field(
        default=None, description="A redirect to another place.", examples=[{"scheme": "https"}]
    )
    rewrite: Rewrite | None = Field(
        default=None,
        description="The path and host that the instance gets; left out: those of the request.",
        examples=[{"strip": "/shop"}],
    )
    preserve_host: Flag = Field(
        default=True,
        description="Whether the instance gets the request's Host; false: it gets its own.",
        examples=[False],
    )
    timeouts: Timeouts | None = Field(
        default=None,
        description="Time-outs; a key that is left out is that of defaults; null: none.",
        examples=[{"head": "5s"}],
    )
    limits: Listed[Name] | None = Field(
        default=None,
        description="Names of limits, in place of those of defaults; null: none.",
        examples=[["default", "logins"]],
    )
    auth: Auth | None = Field(
        default=None,
        description="Whom the route admits, in place of what defaults say; none: everybody.",
        examples=[{"any_of": ["keys"], "scopes": {"all": ["orders:read"]}}],
    )
    cache: Cache | None = Field(
        default=None,
        description="What of its answers is remembered; a key that is left out is that of the service or of "
        "defaults; null: nothing.",
        examples=[{"stale_while_revalidate": "10s"}],
    )
    validates: Validate | None = Field(
        default=None,
        alias="validate",
        description="Whether its requests are held against the OpenAPI document of the service, in place of what "
        "the service or defaults say; null: they are not.",
        examples=["report"],
    )
    compress: Compress | None = Field(
        default=None,
        description="Which of its answers are compressed, also that of `respond`; a key that is left out is that "
        "of the service or of defaults; null: none.",
        examples=[{"types": ["text/*"], "over": "1KiB"}],
    )
    request: Request | None = Field(
        default=None,
        description="What is changed in requests; a key that is left out is that of the service or of "
        "defaults; null: nothing.",
        examples=[{"headers": {"set": {"X-Tenant": "{subject}"}}}],
    )
    response: Response | None = Field(
        default=None,
        description="What is changed in answers; a key that is left out is that of the service or of "
        "defaults; null: nothing.",
        examples=[{"headers": {"set": {"X-Frame-Options": "DENY"}}}],
    )
    rewrite_location: Flag = Field(
        default=False,
        description="Whether URLs of the service's own in Location, Content-Location, Link and Refresh, and the "
        "path and domain of its cookies, become those that clients use; left out: as the service or defaults say.",
        examples=[True],
    )
    versions: Versions | None = Field(
        default=None,
        description="Which version of the service a request gets; a key that is left out is that of the service or "
        "of defaults; null: any.",
        examples=[{"from": ["path", {"header": "Accept-Version"}], "default": "1"}],
    )
    mirror: Mirrors | None = Field(
        default=None,
        description="Copies of its requests to other instances, in place of what the service or defaults say; a "
        "list of several too; null: none.",
        examples=[{"to": ">=3", "share": 10}],
    )
    cors: Cors | None = Field(
        default=None,
        description="CORS, in place of CORS_ORIGINS; null: none.",
        examples=[{"origins": ["https://app.example.com"]}],
    )
    split: Split | None = Field(
        default=None,
        description="Which share of its clients gets which versions of the service, or other services; null: none.",
        examples=[{"shares": {">=2": 5, "^1": 95}}],
    )
    allow: Sources | None = Field(
        default=None,
        description="Only clients at these addresses are admitted; null: all.",
        examples=[{"from": ["10.0.0.0/8"]}],
    )
    deny: Sources | None = Field(
        default=None,
        description="Clients at these addresses are refused; null: none.",
        examples=[{"from": ["10.6.6.6"]}],
    )
    paths: Annotated[str, choice("as_is")] | None = Field(
        default=None,
        description="as_is: takes paths that servers read in different ways, such as those with `..`; "
        "left out: they are answered with 400.",
        examples=["as_is"],
    )
    max_body_bytes: Size | None = Field(
        default=None,
        alias="max_body",
        description="The largest request body; left out: MAX_BODY_BYTES; 0 or null: no limit.",
        examples=["1MiB"],
        json_schema_extra={"default": 0},
    )

    @property
    def services(self) -> tuple[str, ...]:
        """The services that its requests go to."""
        if self.respond is not None and self.respond.compose is not None:
            return tuple(part.service for part in self.respond.compose.parts.values())
        return () if self.service is None else (self.service,)

    def wrong(self) -> Iterable[Wrong]:
        yield from self._wrong_target("rewrite", self.rewrite)
        yield from self._wrong_target("redirect", self.redirect)
        yield from self._wrong_request()
        yield from self._wrong_parts()
        rewrite, begins = self.rewrite, self.match.begins
        if rewrite is None:
            return
        if rewrite.strip and not begins.begins_with(rewrite.strip):
            message = f"must be how the match begins, and that is {quoted(str(begins))}"
            yield Wrong(("rewrite", "strip"), message)
        if rewrite.host and "preserve_host" in self.model_fields_set:
            message = "can't stand beside rewrite.host, which says what the instance gets"
            yield Wrong(("preserve_host",), message, at_key=True)

    def _wrong_request(self) -> Iterator[Wrong]:
        """What in the rules for requests the match has nothing for."""
        if self.request is None:
            return
        names = self.match.path.names if self.match.path else (REST,)
        known = [f"{{path.{name}}}" for name in names]
        for path, name in self.request.path_names():
            if name not in names:
                allowed = f"; allowed: {quoted_list(known)}"
                hint = or_nearest(f"{{path.{name}}}", known, allowed)
                yield Wrong(("request", *path), f"the match has no {{path.{name}}}{hint}")
        rewrite = self.rewrite
        if rewrite is None or self.request.path is None:
            return
        for key in ("path", "strip", "prefix"):
            if getattr(rewrite, key) is not None:
                message = f"can't stand beside rewrite.{key}: each says what path the instance gets"
                yield Wrong(("request", "path"), message, at_key=True)

    def _wrong_parts(self) -> Iterator[Wrong]:
        """Values of the path that parts of a composition use, and the match has not."""
        compose = None if self.respond is None else self.respond.compose
        if compose is None:
            return
        names = self.match.path.names if self.match.path else ()
        known = [f"{{path.{name}}}" for name in names]
        for path, name in compose.names_of_path():
            if name not in names:
                allowed = f"; allowed: {quoted_list(known)}" if known else ""
                hint = or_nearest(f"{{path.{name}}}", known, allowed)
                message = f"the match has no {{path.{name}}}{hint}"
                yield Wrong(("respond", "compose", *path), message)

    def _wrong_target(self, key: str, target: Rewrite | Redirect | None) -> Iterator[Wrong]:
        """What in a new path the match has nothing for."""
        if target is None:
            return
        if target.prefix and self.match.path:
            message = "needs match.prefix, and the match has a path"
            yield Wrong((key, "prefix"), message, at_key=True)
        known = (
            [f"{{{name}}}" for name in self.match.path.names]
            if self.match.path
            else [f"{{{REST}}}"]
        )
        for name in target.path.names if target.path else ():
            if f"{{{name}}}" not in known:
                allowed = f"; allowed: {quoted_list(known)}" if known else ""
                hint = or_nearest(f"{{{name}}}", known, allowed)
                yield Wrong((key, "path"), f"the match has no {{{name}}}{hint}")
