"""What routes have where they say nothing themselves."""

from typing import ClassVar

from pydantic import Field

from gateway.config.file.auth.route import Auth
from gateway.config.file.cache import Cache
from gateway.config.file.compress import Compress
from gateway.config.file.http_texts import Name
from gateway.config.file.mirror import Mirrors
from gateway.config.file.policies import Flag, Timeouts
from gateway.config.file.sections import Listed, Section
from gateway.config.file.transform import Request, Response
from gateway.config.file.validate import Validate
from gateway.config.file.versions import Versions


class Defaults(Section):
    """What routes have where they say nothing themselves."""

    switched_off_by_null: ClassVar[frozenset[str]] = frozenset(
        [
            *("timeouts", "limits", "cache", "compress", "request", "response"),
            *("versions", "validate", "mirror"),
        ]
    )

    timeouts: Timeouts | None = Field(
        default=None, description="Time-outs of requests; null: none.", examples=[{"head": "30s"}]
    )
    limits: Listed[Name] | None = Field(
        default=None,
        description="Names of limits; every one of them must admit a request; null: none.",
        examples=[["default"]],
        json_schema_extra={"default": ["default"]},
    )
    auth: Auth | None = Field(
        default=None,
        description="Whom routes admit; none: everybody.",
        examples=["none"],
    )
    cache: Cache | None = Field(
        default=None,
        description="What of the answers is remembered; left out or null: nothing.",
        examples=[{"default_ttl": "30s"}],
    )
    validates: Validate | None = Field(
        default=None,
        alias="validate",
        description="Whether requests are held against the OpenAPI document of the service; left out or null: "
        "they are not.",
        examples=["report"],
    )
    compress: Compress | None = Field(
        default=None,
        description="Which answers are compressed; left out or null: none.",
        examples=[{}],
    )
    request: Request | None = Field(
        default=None,
        description="What is changed in requests; left out or null: nothing.",
        examples=[{"headers": {"remove": ["X-Debug"]}}],
    )
    response: Response | None = Field(
        default=None,
        description="What is changed in answers; left out or null: nothing.",
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
        description="Which version of its service a request gets; left out or null: any.",
        examples=[{"from": ["path", {"header": "Accept-Version"}], "default": "1"}],
    )
    mirror: Mirrors | None = Field(
        default=None,
        description="Copies of requests to other instances; left out or null: none.",
        examples=[{"to": ">=3", "share": 10}],
    )
