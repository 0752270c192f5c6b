"""What to do about a directive of nginx that has no counterpart, or another one."""

from gateway.cli.importing.nginx.syntax import Directive

_NAMES = """
    http server server_name listen upstream location proxy_pass return rewrite proxy_connect_timeout
    proxy_read_timeout client_max_body_size allow deny limit_req limit_req_zone limit_conn limit_conn_zone
    default_type proxy_next_upstream proxy_next_upstream_tries proxy_cache proxy_cache_valid
    proxy_cache_use_stale
"""
#: Directives that become keys of our file; what differs is said where they are read.
UNDERSTOOD = frozenset(_NAMES.split())
_RESTRICTING_NAMES = """
    auth_basic auth_request auth_jwt auth_oidc auth_digest ssl_verify_client secure_link limit_except
    satisfy access_by_lua access_by_lua_block access_by_lua_file js_access modsecurity
"""
#: Without these a route would admit more than it did; it is closed where one is in force.
RESTRICTING = frozenset(_RESTRICTING_NAMES.split())

_LATER = "Lockgate has nothing for it yet"
_ITSELF = "not needed, Lockgate does it itself"
_TLS = "the section tls has certificates, one for each name"
_OF_REQUESTS = "write `request.headers` on the route: docs/transformation.md"
_OF_ANSWERS = "write `response.headers` on the route: docs/transformation.md"
_OTHER_PROTOCOL = "Lockgate speaks HTTP to services only"

_GROUPS = (
    (
        """
        events worker_connections sendfile tcp_nopush tcp_nodelay server_tokens keepalive
        keepalive_timeout http2 proxy_http_version proxy_buffering proxy_request_buffering proxy_buffers
        proxy_buffer_size proxy_busy_buffers_size proxy_socket_keepalive proxy_pass_request_headers
        proxy_pass_request_body proxy_headers_hash_max_size proxy_headers_hash_bucket_size
        server_names_hash_bucket_size types_hash_max_size zone resolver
        """,
        _ITSELF,
    ),
    (
        "user pid worker_rlimit_nofile daemon worker_shutdown_timeout",
        "a matter of the system or the container that runs Lockgate",
    ),
    (
        """
        root alias index try_files autoindex expires types error_page open_file_cache etag
        """,
        "Lockgate serves no files; let a service do it",
    ),
    (
        "access_log error_log log_format log_not_found",
        "Lockgate logs every request as JSON on standard output",
    ),
    (
        "if map geo split_clients set",
        "conditions are match.headers, match.query and match.methods of a route; write it by hand",
    ),
    ("fastcgi_pass uwsgi_pass scgi_pass grpc_pass memcached_pass", _OTHER_PROTOCOL),
    ("stream mail", "Lockgate passes on HTTP only"),
    ("least_conn ip_hash", "services.NAME.balance says it"),
    ("random", "Lockgate chooses the least loaded instance"),
    ("hash sticky", "services.NAME.balance can hash a header, a cookie or the client"),
    ("set_real_ip_from real_ip_header", "TRUSTED_PROXIES says it"),
    ("large_client_header_buffers client_header_buffer_size", "MAX_REQUEST_HEAD_BYTES says it"),
    ("add_header proxy_hide_header", _OF_ANSWERS),
    (
        "proxy_cache_path",
        "Lockgate keeps answers in memory or in the registry; cache.memory is the bound",
    ),
    (
        """
        proxy_cache_lock proxy_cache_lock_age proxy_cache_lock_timeout proxy_cache_revalidate
        proxy_cache_background_update proxy_cache_min_uses
        """,
        _ITSELF,
    ),
    (
        "proxy_cache_key",
        "the key has scheme, host, path and query; ignore_query and key_headers of a route's cache change it",
    ),
    (
        "proxy_cache_bypass proxy_no_cache",
        "a client asks for a fresh answer by Cache-Control: no-cache, and a service forbids keeping by no-store",
    ),
    ("proxy_cache_methods", "answers to GET, HEAD and QUERY are kept"),
    ("proxy_cache_purge", "POST /cache/purge and `lockgate cache purge` do it"),
    ("proxy_ignore_headers", "targeted and strip_set_cookie of a route's cache may do it"),
    ("mirror sub_filter limit_rate", _LATER),
    ("internal", "answered 404, as nginx answers clients"),
    ("worker_processes", "GATEWAY_WORKERS says it"),
    ("stub_status", "Lockgate's figures are at /metrics"),
    ("client_body_timeout", "CLIENT_BODY_TIMEOUT says it"),
    ("send_timeout", "CLIENT_SEND_TIMEOUT says it"),
    ("proxy_send_timeout", "Lockgate has no time-out for sending a body to a service"),
    ("proxy_next_upstream_timeout", "timeouts.total limits a request with all its attempts"),
    ("proxy_redirect", "write `rewrite_location: true` on the route: docs/transformation.md"),
)
_HINTS = {name: hint for names, hint in _GROUPS for name in names.split()}
#: By how a name begins.
_FAMILIES = {
    "ssl_": _TLS,
    "proxy_ssl_": "services.NAME.tls says it; what it leaves out is checked against the system's authorities",
    "proxy_cache_": "docs/cache.md has what Lockgate's cache does",
    "proxy_cookie_": "write `rewrite_location: true` on the route: docs/transformation.md",
    "gzip": "write `compress` on the route or in defaults: docs/compression.md",
    "brotli": "write `compress` on the route or in defaults: docs/compression.md",
    "limit_req_": "Lockgate answers 429 with Retry-After",
    "limit_conn_": "Lockgate answers 503 with Retry-After",
    "auth_": "the section auth has ways for it; write it by hand",
    "fastcgi_": _OTHER_PROTOCOL,
    "uwsgi_": _OTHER_PROTOCOL,
    "grpc_": _OTHER_PROTOCOL,
}
#: Fields that proxy_set_header sets.
_FIELDS = {
    "x-forwarded-for": _ITSELF,
    "x-forwarded-proto": _ITSELF,
    "x-forwarded-host": _ITSELF,
    "x-real-ip": "X-Forwarded-For has the client's address",
    "x-request-id": "Lockgate sends X-Correlation-ID",
    "upgrade": "not needed, Lockgate passes upgrades on",
    "connection": "not needed, Lockgate passes upgrades on",
}
_SECRET = ("auth", "password", "secret", "token", "key", "cookie", "credential")


def hint_for(directive: Directive) -> str:
    """The directive in short, and what to do about it."""
    name = directive.name
    family = (hint for start, hint in _FAMILIES.items() if name.startswith(start))
    hint = _HINTS.get(name) or next(family, "not understood")
    if name == "proxy_set_header" and directive.args:
        hint = _FIELDS.get(directive.args[0].lower(), _OF_REQUESTS)
    if name == "if" and "OPTIONS" in "".join(directive.args):
        hint = "not needed, Lockgate answers preflights by itself"
    return f"{shown(directive)}: {hint}"


def shown(directive: Directive) -> str:
    """The directive in short, without arguments that may be secret."""
    text = str(directive)
    if not directive.args or not any(word in text.lower() for word in _SECRET):
        return text
    named = directive.name in ("proxy_set_header", "add_header")
    return " ".join([directive.name, *directive.args[: 1 if named else 0], "…"])
