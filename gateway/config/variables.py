"""The environment variables that the gateway reads: what each means, and its default.

A plain table, so that `--help` starts quickly; `GatewaySettings` checks the values, and
tests/unit/gateway/config/test_settings.py checks that both agree.
"""

from collections.abc import Mapping

from middlewares.programs.variables import Variable, registry_variables

_OWN = {
    "GATEWAY_HOST": Variable("Where the gateway listens.", "127.0.0.1"),
    "GATEWAY_PORT": Variable("Its port; 0: a free one.", "8080"),
    "GATEWAY_URL": Variable(
        "Where clients reach it, https://shop.example; services are told; else where it listens."
    ),
    "GATEWAY_CONFIG": Variable(
        "A YAML file with routes and policies; what the environment says wins."
    ),
    "RECENT_REQUESTS": Variable(
        "How many requests are kept for `lockgate diff`, without values; 0: none.", "1000"
    ),
    "GATEWAY_WORKERS": Variable(
        "Worker processes that share the port; auto: one for each usable core.", "1"
    ),
    "REGISTRY_ALLOWED_HOSTS": Variable(
        "CIDRs and names that an instance may have; empty: all but cloud metadata, link-local and multicast."
    ),
    "RATE_LIMIT_REQUESTS": Variable("Requests of one client in a window; 0: no limit.", "100"),
    "RATE_LIMIT_WINDOW": Variable("Seconds of that window.", "60"),
    "HEALTH_CHECK_INTERVAL": Variable("Seconds between the probes of an instance.", "5"),
    "HEALTH_CHECK_TIMEOUT": Variable("Seconds for each probe.", "2"),
    "HEALTH_FALL": Variable("Failures in a row until an instance is unhealthy.", "3"),
    "HEALTH_RISE": Variable("Passes in a row until it is healthy again.", "2"),
    "UNHEALTHY_REMOVE_AFTER": Variable(
        "Seconds unhealthy until an instance is removed from the registry.", "60"
    ),
    "UPSTREAM_CONNECT_TIMEOUT": Variable("Seconds to connect to an instance.", "2"),
    "UPSTREAM_TIMEOUT": Variable("Seconds to the head of its answer.", "30"),
    "UPSTREAM_IDLE_TIMEOUT": Variable(
        "Seconds between two pieces of an answer; 0: no limit.", "300"
    ),
    "UPSTREAM_TOTAL_TIMEOUT": Variable(
        "Seconds for the whole exchange, all attempts together; 0: no limit.", "0"
    ),
    "UPSTREAM_CONNECTIONS": Variable("Most connections to one instance; 0: no limit.", "0"),
    "UPSTREAM_CONNECTION_WAIT": Variable("Seconds to wait for one of them.", "1"),
    "MAX_RESPONSE_HEAD_BYTES": Variable("Largest head of an instance's answer.", "65536"),
    "CLIENT_BODY_TIMEOUT": Variable("Longest pause in a request body, seconds; 0: no limit.", "60"),
    "CLIENT_BODY_MIN_RATE": Variable(
        "Fewest bytes of a request body a second after the first 20 s; 0: any.", "240"
    ),
    "CLIENT_SEND_TIMEOUT": Variable(
        "Seconds that a client may read nothing of its answer; 0: no limit.", "60"
    ),
    "MAX_BODY_BYTES": Variable("Largest request body; 0: no limit.", "0"),
    "MAX_REQUEST_HEAD_BYTES": Variable(
        "Request line and header section of a request together.", "65536"
    ),
    "TRUSTED_PROXIES": Variable("Comma-separated CIDRs whose X-Forwarded-* are believed."),
    "CORS_ORIGINS": Variable("Comma-separated origins, or *; empty: CORS is the services' matter."),
    "ADMIN_TOKEN": Variable(
        "Bearer token of every changing call, 16 characters or more; unset: they are refused."
    ),
    "ADMIN_TOKEN_FILE": Variable("A file that holds it, which nobody else can read."),
    "ADMIN_LISTEN": Variable(
        "host:port or unix:/path for everything but /api, /health and /ready."
    ),
    "TLS_CERT_FILE": Variable(
        "A certificate chain in PEM: the gateway then speaks TLS; replaced on disk it is read again."
    ),
    "TLS_KEY_FILE": Variable("Its private key, which nobody else can read."),
    "TLS_CLIENT_CA_FILE": Variable("Authorities of the certificates that clients must show."),
    "ACME_DOMAINS": Variable(
        "Comma-separated names that the gateway gets certificates for; it then speaks TLS."
    ),
    "ACME_EMAIL": Variable("Where the authority of these certificates can write to."),
    "ACME_DIRECTORY": Variable("The URL of another authority than Let's Encrypt."),
    "ACME_CA_FILE": Variable("Authorities in PEM that it is verified against; else the system's."),
    "ACME_HTTP_PORT": Variable(
        "A port of plain HTTP, where the authority asks, and others are sent to https; else the file's "
        "redirect_from, else 80; 0: none."
    ),
    "SHUTDOWN_GRACE": Variable("Seconds for requests in flight when the gateway stops.", "10"),
    "TUNNEL_GRACE": Variable("Seconds for tunnels and event streams then.", "300"),
    "WORKER_READY_TIMEOUT": Variable(
        "Seconds for a new worker to get ready in a roll, which ends otherwise.", "15"
    ),
    "VIEW_FILE": Variable("Keeps what is registered, for a start while the registry is away."),
    "START_WITHOUT_REGISTRY": Variable(
        "Such a start: `view` begins with that file, `wait` waits for the registry.", "view"
    ),
    "LOG_LEVEL": Variable("debug, info, warning (or warn), error or critical.", "info"),
    "LOG_FORMAT": Variable("json, or console for people.", "json"),
}


def gateway_variables() -> Mapping[str, Variable]:
    """The gateway's variables, with those of its registry."""
    return _OWN | registry_variables()


def variable_defaults() -> dict[str, str]:
    """Every environment variable that the gateway reads, with its default."""
    return {name: variable.default for name, variable in gateway_variables().items()}
