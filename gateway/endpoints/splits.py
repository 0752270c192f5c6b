"""`/splits`: shows the shares of routes and changes them; each call needs the admin token."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from discovery.base.stepping import in_steps
from discovery.model.errors import RegistryRefuses, RegistryUnavailable
from gateway.endpoints.bodies import json_body
from gateway.endpoints.process import answer
from gateway.endpoints.registration import AWAY, REFUSES
from gateway.front.client_limits import ClientLimits
from gateway.guard.admin import AdminGuard
from middlewares.failures import BadRequest, NoConfiguration, RegistryAway, SplitUnknown

if TYPE_CHECKING:  # a gateway without a file loads nothing of this
    from gateway.worker.splitting import Splitting

MAX_BODY_BYTES = 16 * 1024
_GREATEST = 1_000_000
#: So many characters of a name that is none are repeated.
MOST_SHOWN = 64
_RULE = f"must be a number from 0 to {_GREATEST:,}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitsEndpoints:
    """The handlers; without a file there is no split."""

    splitting: "Splitting | None"
    guard: AdminGuard
    client_limits: ClientLimits

    async def list_all(self, request: web.Request) -> web.Response:
        """The splits by route, each with its shares, what becomes of it next, and who does not have it yet."""
        splitting = self._splits(request)
        notes = await splitting.notes()
        return answer({"splits": await in_steps(splitting.documents(notes))})

    async def change(self, request: web.Request) -> web.Response:
        """Give shares other weights, on all gateways: 200 with the split as it is then."""
        splitting = self._splits(request)
        route = request.match_info["route"]
        try:
            names = splitting.names(route)
        except KeyError:
            raise SplitUnknown(
                "no route of this name has a split; GET /splits lists those that have"
            ) from None
        told = _weights(await json_body(request, self.client_limits, MAX_BODY_BYTES), names)
        try:
            await splitting.change(route, told)
            notes = await splitting.notes()
            return answer(splitting.document(route, notes))
        except KeyError:  # a reload has taken it away
            raise SplitUnknown("the route has no split any more") from None
        except ValueError as error:
            raise BadRequest(f"shares: {error}") from None
        except RegistryRefuses as error:
            raise RegistryAway(REFUSES, cause=error) from None
        except RegistryUnavailable as error:
            raise RegistryAway(AWAY, cause=error) from None

    def _splits(self, request: web.Request) -> "Splitting":
        """The splits; raises NoConfiguration, and what the guard raises."""
        self.guard.require(request)
        if self.splitting is None:
            raise NoConfiguration
        return self.splitting


def _weights(body: object, names: tuple[str, ...]) -> dict[str, float]:
    """The weights that a body names; raises BadRequest."""
    if not isinstance(body, dict) or set(body) != {"shares"}:
        raise BadRequest('the body must be {"shares": {NAME: WEIGHT, …}}')
    told = body["shares"]
    if not isinstance(told, dict) or not told:
        raise BadRequest("shares: must be an object with a weight for at least one share")
    for name, weight in told.items():
        if name not in names:
            raise BadRequest(
                f"shares: there is no share {name[:MOST_SHOWN]!r}; there are {', '.join(names)}"
            )
        is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not is_number or not 0 <= weight <= _GREATEST:
            raise BadRequest(f"shares: {name}: {_RULE}")
    return {name: float(weight) for name, weight in told.items()}
