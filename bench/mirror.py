"""A server that answers each request with what it read: `python -m bench.mirror PORT`."""

import sys

from aiohttp import web


async def mirror(request: web.Request) -> web.Response:
    body = await request.read()
    seen = {
        "method": request.method,
        "target": request.raw_path,
        "fields": [
            [name.decode("latin-1"), v.decode("latin-1")] for name, v in request.raw_headers
        ],
        "body": body.decode("latin-1"),
    }
    return web.json_response(seen)


def main() -> None:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", mirror)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)


if __name__ == "__main__":
    main()
