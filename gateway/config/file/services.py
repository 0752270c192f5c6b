"""Services: fixed addresses and their probes, and bounds for all instances of a service."""

from typing import Annotated, ClassVar

from pydantic import Field

from gateway.config.file.hosts import Url
from gateway.config.file.http_texts import Name, SomeText
from gateway.config.file.numbers import StatusRange, duration, whole_number
from gateway.config.file.paths import Literal
from gateway.config.file.policies import Timeouts
from gateway.config.file.sections import Listed, Section, Some


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
        default=((200, 299),),
        description="Statuses of an answer that passes.",
        examples=[["200-299", 401]],
        json_schema_extra={"default": ["200-299"]},
    )
    body: SomeText | None = Field(
        default=None, description="Text that the answer's body must contain.", examples=["ok"]
    )


class Service(Section):
    """A service by its name: one that registers, or one with fixed addresses."""

    needs: ClassVar[dict[str, str]] = {"health": "urls"}
    switched_off_by_null: ClassVar[frozenset[str]] = frozenset(["timeouts", "limits"])

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
    concurrent: Annotated[int, whole_number(0, 1_000_000)] = Field(
        default=0,
        description="Most requests in flight to all of its instances together; 0: no limit.",
        examples=[200],
    )
