"""Configuration files with many routes over many hosts, half of them templates and half prefixes."""

HOSTS = 50
SERVICES = 10


def route_file(number: int, origin_port: int, *, changed: int = 0) -> str:
    """A file with `number` routes behind those of the origin; `changed` is in every hundredth of them.

    The origin has the paths below /origin, and the other services too, on hosts of their own.
    """
    lines = [
        "discover: /api",
        "limits: {plan: {requests: 1000000, window: 60s}}",
        "services:",
        f"  origin: {{urls: ['http://127.0.0.1:{origin_port}']}}",
        *(f"  s{n}: {{urls: ['http://127.0.0.1:{origin_port}']}}" for n in range(SERVICES)),
        "routes:",
        "  - {name: origin, match: {prefix: /origin}, service: origin, rewrite: {strip: /origin}}",
        *(route(place, changed if place % 100 == 0 else 0) for place in range(number)),
    ]
    return "\n".join((*lines, ""))


def route(place: int, changed: int = 0) -> str:
    """The line of one of the routes, for the end of a file."""
    path = f"prefix: /v1/things{place}" if place % 2 else f'path: "/v1/things{place}/{{id}}/parts"'
    limits = "limits: [plan], " if place % 3 == 0 else ""
    return (
        f"  - {{name: r{place}, match: {{host: h{place % HOSTS}.example.com, {path}}}, "
        f"service: s{place % SERVICES}, {limits}timeouts: {{head: {5 + changed}s}}}}"
    )
