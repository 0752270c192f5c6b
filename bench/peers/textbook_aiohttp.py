"""The proxy of a tutorial: aiohttp's server in front of its ClientSession, on uvloop.

`python textbook_aiohttp.py PORT ORIGIN_PORT [LOG]`; with LOG it also strips `/api/<name>`, writes a
JSON access log, adds a request ID and counts requests, each in the way of a tutorial.
"""

import json
import logging
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import prometheus_client
import uvloop
from aiohttp import web

HOP_BY_HOP = {"connection", "keep-alive", "te", "transfer-encoding", "upgrade", "host"}
SESSION = web.AppKey("session", aiohttp.ClientSession)

requests = prometheus_client.Counter("requests", "Requests.", ["method", "status"])
durations = prometheus_client.Histogram("duration_seconds", "Durations.", ["method"])
log = logging.getLogger("access")


def proxy_to(origin_port: int) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def proxy(request: web.Request) -> web.StreamResponse:
        headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP_BY_HOP}
        if "request_id" in request:
            headers["X-Correlation-ID"] = request["request_id"]
        path = request.path_qs
        if path.startswith("/api/"):
            path = "/" + path.split("/", 3)[3]
        async with request.app[SESSION].request(
            request.method,
            f"http://127.0.0.1:{origin_port}{path}",
            headers=headers,
            data=request.content if request.body_exists else None,
            allow_redirects=False,
        ) as upstream:
            response = web.StreamResponse(status=upstream.status)
            for name, value in upstream.headers.items():
                if name.lower() not in HOP_BY_HOP:
                    response.headers.add(name, value)
            if "request_id" in request:
                response.headers["X-Correlation-ID"] = request["request_id"]
            await response.prepare(request)
            async for chunk in upstream.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response

    return proxy


@web.middleware
async def same_work(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    request["request_id"] = request.headers.get("X-Correlation-ID") or str(uuid.uuid4())
    began = time.perf_counter()
    response = await handler(request)
    duration_s = time.perf_counter() - began
    requests.labels(request.method, str(response.status)).inc()
    durations.labels(request.method).observe(duration_s)
    members = {
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "level": "info",
        "event": "request",
        "correlation_id": request["request_id"],
        "method": request.method,
        "path": request.path,
        "status": response.status,
        "duration_ms": round(duration_s * 1000, 3),
        "client_ip": request.headers.get("X-Forwarded-For", request.remote),
        "user_agent": request.headers.get("User-Agent", ""),
    }
    log.info(json.dumps(members))
    return response


async def session(app: web.Application) -> AsyncIterator[None]:
    async with aiohttp.ClientSession(auto_decompress=False) as app[SESSION]:
        yield


def main() -> None:
    port, origin_port, *log_file = sys.argv[1:]
    app = web.Application(middlewares=[same_work] if log_file else [])
    if log_file:
        log.addHandler(logging.FileHandler(log_file[0]))
        log.setLevel(logging.INFO)
    app.cleanup_ctx.append(session)
    app.router.add_route("*", "/{tail:.*}", proxy_to(int(origin_port)))
    web.run_app(
        app,
        host="127.0.0.1",
        port=int(port),
        access_log=None,
        print=None,
        loop=uvloop.new_event_loop(),
    )


if __name__ == "__main__":
    main()
