"""The request that a flight sends for all who wait."""

from middlewares.cache.deciding.merging import conditional_fields
from middlewares.cache.wanted import Wanted
from middlewares.exchange import EXCHANGE, Exchange
from middlewares.header_section import HeaderSection

SURROGATE_CONTROL = b"surrogate-control"
#: Tells a service that its Surrogate-Control is heeded, and the name to direct it at (W3C Edge Architecture, §2).
SURROGATE_CAPABILITY = ((b"Surrogate-Capability", b'lockgate="Surrogate/1.0"'),)


def shared_exchange(wanted: Wanted) -> Exchange:
    """The flight's own record, with the fields that are sent for all."""
    asked, begun = wanted.asked, wanted.request[EXCHANGE]
    fields = asked.fields
    if SURROGATE_CONTROL in wanted.policy.targeted:
        fields += SURROGATE_CAPABILITY
    if wanted.entry is not None:
        fields += conditional_fields(wanted.entry)
    if begun.body:
        fields += ((b"Content-Length", b"%d" % len(begun.body)),)
    section = HeaderSection(fields)
    # A client of HTTP/1.0 may have named none.
    section.check((1, 0) if section.host is None else (1, 1))
    made = Exchange(
        begun.correlation_id,
        begun.started_s,
        begun.client_ip,
        section,
        begun.authority,
        asked.target,
        begun.path,
    )
    if asked.target != begun.target:
        made.asked_query = begun.query
    made.route, made.hit, made.ways = begun.route, begun.hit, begun.ways
    made.identity, made.changes = begun.identity, begun.changes
    made.ranges, made.version = begun.ranges, begun.version
    made.ranges_anew = begun.ranges_anew
    made.share, made.chosen = begun.share, begun.chosen
    return made
