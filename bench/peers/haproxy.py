"""HAProxy, with one thread."""

from bench.peers.peer import Launch, Peer, Site, find, version_of

NAME = "HAProxy"

_COMMON = """
global
    nbthread 1
    maxconn 8000
    log stdout len 4096 format raw local0
defaults
    mode http
    timeout connect 2s
    timeout client 75s
    timeout server 75s
    timeout tunnel 1h
    timeout http-keep-alive 75s
"""
#: One line of the access log, JSON.
_LOG = (
    "{"
    '"timestamp":"%tr",'
    '"level":"info",'
    '"event":"request",'
    '"service":"haproxy",'
    '"correlation_id":"%ID",'
    '"method":"%HM",'
    '"path":"%HPO",'
    '"protocol":"%HV",'
    '"status":%ST,'
    '"duration_ms":%Ta,'
    '"client_ip":"%ci",'
    '"user_agent":"%[capture.req.hdr(0),json(utf8s)]",'
    '"route":"%b",'
    '"upstream_instance":"%s",'
    '"upstream_ms":%Tr,'
    '"bytes_in":%U,'
    '"bytes_out":%B'
    "}"
)
_BARE = """
frontend public
    bind 127.0.0.1:{port} backlog 4096
    default_backend small
backend small
    server one 127.0.0.1:{small}
"""
_SAME_WORK = """
frontend public
    bind 127.0.0.1:{port} backlog 4096
    log global
    http-request capture req.hdr(User-Agent) len 128
    log-format '{log_format}'
    unique-id-format %[uuid()]
    unique-id-header X-Correlation-ID
    option forwardfor
    http-request set-header X-Forwarded-Proto http
    http-request set-header X-Forwarded-Host %[req.hdr(Host)]
    http-response set-header X-Correlation-ID %[unique-id]
    stick-table type ip size 100k expire 60s store http_req_rate(10s)
    http-request track-sc0 src
    http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt 10000000 }}
    use_backend stream if {{ path_beg /api/stream/ }}
    default_backend small
backend small
    http-request replace-path /api/bench/(.*) /\\1
    server one 127.0.0.1:{small}
backend stream
    http-request replace-path /api/stream/(.*) /\\1
    server one 127.0.0.1:{stream}
"""


def peers() -> list[Peer]:
    binary = find("haproxy")
    if binary is None:
        return []
    version = version_of([binary, "-v"], word="version ").partition("-")[0]

    def peer(same_work: bool) -> Peer:
        def launch(site: Site) -> Launch:
            text = _COMMON + (_SAME_WORK if same_work else _BARE).format(
                port=site.port, small=site.small_port, stream=site.stream_port, log_format=_LOG
            )
            return Launch([binary, "-db", "-f", site.write("haproxy.cfg", text)])

        return Peer(NAME, version, same_work, launch)

    return [peer(False), peer(True)]
