"""Caddy."""

from bench.peers.peer import Launch, Peer, Site, find, version_of

NAME = "Caddy"

_BARE = """
{{
    admin off
    auto_https off
}}
http://:{port} {{
    bind 127.0.0.1
    reverse_proxy 127.0.0.1:{small} {{
        transport http {{
            keepalive_idle_conns_per_host 256
        }}
    }}
}}
"""
_SAME_WORK = """
{{
    admin off
    auto_https off
    metrics
    servers {{
        trusted_proxies static 127.0.0.1/32
    }}
}}
http://:{port} {{
    bind 127.0.0.1
    log {{
        output file {folder}/access.log {{
            roll_disabled
        }}
        format json
    }}
    request_header X-Correlation-ID {{http.request.uuid}}
    header X-Correlation-ID {{http.request.uuid}}
    handle_path /api/bench/* {{
        reverse_proxy 127.0.0.1:{small} {{
            transport http {{
                keepalive_idle_conns_per_host 256
            }}
        }}
    }}
    handle_path /api/stream/* {{
        reverse_proxy 127.0.0.1:{stream} {{
            flush_interval -1
        }}
    }}
}}
"""


def peers() -> list[Peer]:
    binary = find("caddy")
    if binary is None:
        return []
    version = version_of([binary, "version"], word="v")

    def peer(same_work: bool) -> Peer:
        def launch(site: Site) -> Launch:
            text = (_SAME_WORK if same_work else _BARE).format(
                port=site.port,
                small=site.small_port,
                stream=site.stream_port,
                folder=site.folder,
            )
            config = site.write("Caddyfile", text)
            home = {"XDG_DATA_HOME": str(site.folder), "XDG_CONFIG_HOME": str(site.folder)}
            return Launch([binary, "run", "--adapter", "caddyfile", "--config", config], home)

        return Peer(NAME, version, same_work, launch)

    return [peer(False), peer(True)]
