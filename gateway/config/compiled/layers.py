"""The layers that a request of a route goes through, in their order, with the reason for each place."""

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from middlewares.routing.policy import RoutePolicy

Direction = Literal["in", "out"]
#: What makes the answer: the hop, or the gateway itself.
Maker = Literal["hop", "respond", "redirect", "compose", "the way"]


class Layer(NamedTuple):
    """One row: what a layer does for a route whose policy asks for it, and why it stands where it does.

    `direction`: on the way to the instance, or on the way back to the client. `fields` are those of the policy
    that ask for it; none: it is always there. `of_hop`: it is there only where an instance answers.
    """

    name: str
    direction: Direction
    does: str
    because: str
    fields: tuple[str, ...] = ()
    of_hop: bool = False

    def is_in_force(self, policy: RoutePolicy) -> bool:
        """Whether it does something for requests with this policy."""
        return not self.fields or any(_asks(policy, field) for field in self.fields)


LAYERS: tuple[Layer, ...] = (
    Layer(
        "hygiene",
        "in",
        "refuses what an instance could read in another way than the gateway",
        "nothing else may look at such a request",
    ),
    Layer("route", "in", "finds the route", "it says which of the layers below there are"),
    Layer(
        "allow/deny",
        "in",
        "admits clients by their address",
        "who may not come is neither asked for a credential nor counted",
        ("access",),
    ),
    Layer(
        "auth",
        "in",
        "finds out who calls, and whether they may",
        "limits and shares may go by the subject",
        ("auth",),
    ),
    Layer(
        "version",
        "in",
        "finds the version that the client asks for",
        "a request for a version that is not there or gone is counted by no limit",
        ("versions",),
        of_hop=True,
    ),
    Layer(
        "limits",
        "in",
        "counts the request, and refuses it over the limit",
        "what is answered from the cache counts too",
        ("limits",),
    ),
    Layer(
        "cache",
        "in",
        "answers with what is kept",
        "all that may refuse a request comes before it",
        ("cache",),
        of_hop=True,
    ),
    Layer(
        "split",
        "in",
        "sends each client to its share",
        "only requests that go to an instance are evidence",
        ("split",),
        of_hop=True,
    ),
    Layer(
        "request rules",
        "in",
        "changes headers, query, path and body",
        "they may use the version and the share",
        ("request",),
        of_hop=True,
    ),
    Layer(
        "validate",
        "in",
        "holds the request against the service's OpenAPI document",
        "the document is about what the service gets",
        ("validate",),
        of_hop=True,
    ),
    Layer(
        "mirror",
        "in",
        "sends copies elsewhere",
        "a copy is what the service gets, and no repeat is copied again",
        ("mirrors",),
        of_hop=True,
    ),
    Layer(
        "candidates",
        "in",
        "finds the instances that may answer",
        "service and version are known by now",
        of_hop=True,
    ),
    Layer(
        "mirror",
        "out",
        "compares the answer with those to the copies",
        "it compares what instances have sent",
        ("mirrors",),
        of_hop=True,
    ),
    Layer(
        "validate",
        "out",
        "holds the answer against the document",
        "the document is about what the service sends",
        ("validates_answers",),
        of_hop=True,
    ),
    Layer(
        "response rules",
        "out",
        "changes headers, redirects and body",
        "what is kept and sent is changed already",
        ("response", "rewrites_location"),
        of_hop=True,
    ),
    Layer(
        "served version",
        "out",
        "says which version has answered",
        "it is kept with the answer, and no rule changes it",
        ("versions", "split"),
        of_hop=True,
    ),
    Layer(
        "split",
        "out",
        "counts how the share has answered",
        "only answers of instances are evidence",
        ("split",),
        of_hop=True,
    ),
    Layer(
        "cache",
        "out",
        "keeps the answer",
        "it is kept once, before it is compressed for one client",
        ("cache",),
        of_hop=True,
    ),
    Layer(
        "limits",
        "out",
        "counts by the answer, and by what it has cost",
        "compressed bodies can't be read",
        ("limits_by_answer",),
    ),
    Layer(
        "version",
        "out",
        "says that a version is deprecated",
        "it is said of what is kept too",
        ("versions",),
        of_hop=True,
    ),
    Layer(
        "compress",
        "out",
        "compresses the body as the client accepts it",
        "all that reads a body comes before it",
        ("compress",),
    ),
    Layer(
        "our fields",
        "out",
        "adds the correlation ID, limits and what the cache did",
        "refusals have them too, and no rule changes them",
    ),
)


def way_in(policy: RoutePolicy, maker: Maker) -> list[str]:
    """The names of the layers on the way in, and at the end what makes the answer."""
    return [*_names(policy, maker, "in"), maker]


def way_out(policy: RoutePolicy, maker: Maker) -> list[str]:
    """The names of the layers on the way out."""
    return [*_names(policy, maker, "out")]


def _names(policy: RoutePolicy, maker: Maker, direction: Direction) -> Iterator[str]:
    for layer in LAYERS:
        if layer.direction != direction or (layer.of_hop and maker != "hop"):
            continue
        if layer.is_in_force(policy):
            yield layer.name


def _asks(policy: RoutePolicy, field: str) -> bool:
    special = SPECIAL.get(field)
    return bool(getattr(policy, field)) if special is None else special(policy)


#: Fields whose value does not say by itself whether there is something to do.
SPECIAL: dict[str, Callable[[RoutePolicy], bool]] = {
    "access": lambda policy: policy.access is not None,
    "auth": lambda policy: policy.auth is not None and not policy.auth.is_open,
    "validates_answers": lambda policy: policy.validate is not None and policy.validate.responses,
    "limits_by_answer": lambda policy: any(one.counts or one.cost for one in policy.limits),
}
