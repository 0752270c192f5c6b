"""How a route's clients are shared out among versions or services."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

from middlewares.split.deciding.identities import By, Named
from middlewares.split.deciding.plan import Plan
from middlewares.version_ranges import VersionRange


@dataclass(frozen=True, slots=True)
class Share:
    """A share: a range of versions of the route's service, or else another service."""

    name: str
    weight: float
    range: VersionRange | None = None


@dataclass(frozen=True, slots=True)
class Override:
    """The header, its name in lower case, or the cookie by which testers choose a share."""

    kind: Named
    name: bytes


@dataclass(frozen=True)
class SplitPolicy:
    """The settings of one route's split, its shares in the order of their names."""

    shares: tuple[Share, ...]
    plan: Plan
    by: By = "client"
    name: bytes = b""
    override: Override | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(share.name for share in self.shares)

    @cached_property
    def weights(self) -> tuple[float, ...]:
        """Those of the file."""
        return tuple(share.weight for share in self.shares)

    @cached_property
    def print(self) -> str:
        """What tells two sections of a file apart; shares that were changed since live as long as this stays.

        Margins may change without that.
        """
        said = (self.names, self.weights, self.plan.canary, self.plan.steps)
        return hashlib.blake2b(repr(said).encode(), digest_size=12).hexdigest()
