"""Envoy: a virtual host for each policy. Its filters are off but for the hosts that use them."""

import json
from dataclasses import replace
from typing import Any

from bench.peers import envoy
from bench.peers.peer import Launch, Peer, Site
from bench.policies.cases import NONE, host_of

_FILTERS = "type.googleapis.com/envoy.extensions.filters.http"
_ROUTE = "type.googleapis.com/envoy.config.route.v3"
_COMPRESSOR = "envoy.filters.http.compressor"
_LUA = "envoy.filters.http.lua"
_MUTATION = "envoy.filters.http.header_mutation"
#: Lua has no JSON there, so the member is cut out of the text.
_SCRIPT = """
function envoy_on_response(handle)
  local body = handle:body()
  local text = body:getBytes(0, body:length())
  body:setBytes((text:gsub('"internal": %b{}, ', "", 1)))
end
"""


def envoy_peers() -> list[Peer]:
    return [_with_policies(peer) for peer in envoy.peers() if peer.same_work]


def _with_policies(peer: Peer) -> Peer:
    def launch(site: Site) -> Launch:
        made = peer.launch(site)
        path = site.folder / "envoy.json"
        config = json.loads(path.read_text())
        config["static_resources"]["clusters"].append(
            {**config["static_resources"]["clusters"][0], "name": "small2"}
        )
        (chain,) = config["static_resources"]["listeners"][0]["filter_chains"]
        manager = chain["filters"][0]["typed_config"]
        manager["http_filters"][:0] = [_compressor(), _lua(), _mutation()]
        manager["route_config"]["virtual_hosts"] += [
            {"name": name, "domains": [host_of(name)], "routes": routes}
            for name, routes in _routes().items()
        ]
        path.write_text(json.dumps(config))
        return made

    return replace(peer, launch=launch)


def _routes() -> dict[str, list[dict[str, Any]]]:
    return {
        NONE: [_route()],
        "request-headers": [_route(typed_per_filter_config={_MUTATION: _request_headers()})],
        "response-headers": [
            _route(
                response_headers_to_add=[
                    _header("X-Frame-Options", "DENY"),
                    _header("X-Served-By", "envoy"),
                ],
                response_headers_to_remove=["Server"],
            )
        ],
        "query": [_route(typed_per_filter_config={_MUTATION: _query()})],
        "json": [_route(typed_per_filter_config={_LUA: _on("lua.v3.LuaPerRoute", name="json")})],
        "gzip": [
            _route(
                typed_per_filter_config={
                    _COMPRESSOR: _on(
                        "compressor.v3.CompressorPerRoute",
                        overrides={"response_direction_config": {}},
                    )
                }
            )
        ],
        "versions": [
            _route("small2", match=_version("2")),
            _route("small", match=_version("1")),
            _route("small"),
        ],
        "split": [
            _route(
                weighted_clusters={
                    "clusters": [{"name": "small2", "weight": 5}, {"name": "small", "weight": 95}]
                }
            )
        ],
        "mirror-0": [_route(mirror=0)],
        "mirror-10": [_route(mirror=10)],
    }


def _route(
    cluster: str = "small",
    *,
    match: dict[str, Any] | None = None,
    mirror: int | None = None,
    weighted_clusters: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    route: dict[str, Any] = {"timeout": "0s"}
    if weighted_clusters is None:
        route["cluster"] = cluster
    else:
        route["weighted_clusters"] = weighted_clusters
    if mirror is not None:
        share = {"default_value": {"numerator": mirror, "denominator": "HUNDRED"}}
        route["request_mirror_policies"] = [{"cluster": "small2", "runtime_fraction": share}]
    return {"match": {"prefix": "/", **(match or {})}, "route": route, **more}


def _version(version: str) -> dict[str, Any]:
    return {"headers": [{"name": "Accept-Version", "string_match": {"exact": version}}]}


def _header(name: str, value: str) -> dict[str, Any]:
    return {
        "header": {"key": name, "value": value},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }


def _request_headers() -> dict[str, Any]:
    """In this order, since what is removed can't be read any more."""
    added = (("X-Tenant", "bench"), ("X-Seen", "1"), ("X-New", "%REQ(X-Old)%"))
    return _mutations(
        request_mutations=[
            *({"append": _header(*field)} for field in added),
            {"remove": "X-Old"},
            {"remove": "X-Debug"},
        ]
    )


def _query() -> dict[str, Any]:
    set_v = {
        "append": {
            "record": {"key": "v", "value": "2"},
            "action": "OVERWRITE_IF_EXISTS_OR_ADD",
        }
    }
    return _mutations(query_parameter_mutations=[set_v, {"remove": "debug"}])


def _mutations(**mutations: Any) -> dict[str, Any]:
    return _on("header_mutation.v3.HeaderMutationPerRoute", mutations=mutations)


def _on(kind: str, **said: Any) -> dict[str, Any]:
    """Switch a filter on for a route."""
    return {
        "@type": f"{_ROUTE}.FilterConfig",
        "disabled": False,
        "config": {"@type": f"{_FILTERS}.{kind}", **said},
    }


def _compressor() -> dict[str, Any]:
    gzip = "type.googleapis.com/envoy.extensions.compression.gzip.compressor.v3.Gzip"
    return {
        "name": _COMPRESSOR,
        "disabled": True,
        "typed_config": {
            "@type": f"{_FILTERS}.compressor.v3.Compressor",
            "response_direction_config": {
                "common_config": {"content_type": ["application/json"], "min_content_length": 1024},
            },
            "compressor_library": {
                "name": "gzip",
                "typed_config": {
                    "@type": gzip,
                    "compression_level": "COMPRESSION_LEVEL_5",
                    "memory_level": 8,
                    "window_bits": 15,
                },
            },
        },
    }


def _lua() -> dict[str, Any]:
    return {
        "name": _LUA,
        "disabled": True,
        "typed_config": {
            "@type": f"{_FILTERS}.lua.v3.Lua",
            "source_codes": {"json": {"inline_string": _SCRIPT}},
        },
    }


def _mutation() -> dict[str, Any]:
    return {
        "name": _MUTATION,
        "disabled": True,
        "typed_config": {"@type": f"{_FILTERS}.header_mutation.v3.HeaderMutation"},
    }
