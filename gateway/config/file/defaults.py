"""What routes have where they say nothing themselves."""

from typing import ClassVar

from pydantic import Field

from gateway.config.file.auth.route import Auth
from gateway.config.file.cache import Cache
from gateway.config.file.compress import Compress
from gateway.config.file.http_texts import Name
from gateway.config.file.policies import Timeouts
from gateway.config.file.sections import Listed, Section


class Defaults(Section):
    """What routes have where they say nothing themselves."""

    switched_off_by_null: ClassVar[frozenset[str]] = frozenset(
        ["timeouts", "limits", "cache", "compress"]
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
    compress: Compress | None = Field(
        default=None,
        description="Which answers are compressed; left out or null: none.",
        examples=[{}],
    )
