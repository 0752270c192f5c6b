"""When the requests to a service are repeated, in the form that the hop works with."""

from gateway.config.file.retries import Retries as RetriesSection
from middlewares.routing.policy import Retries


def retries_of(section: RetriesSection | None) -> Retries:
    if section is None:
        return Retries()
    return Retries(
        section.attempts,
        frozenset(section.on),
        per_try_s=section.per_try_s,
        budget=section.budget,
    )
