"""A service that tells what it got: `python -m tests.support.echo_service`."""

from aiohttp import web

from lockgate import announce

PORT = 9000


async def echo(request: web.Request) -> web.Response:
    body = await request.text()
    return web.json_response(
        {"method": request.method, "client": request.headers["X-Forwarded-For"], "body": body}
    )


async def health(request: web.Request) -> web.Response:
    return web.Response()


def main() -> None:
    app = web.Application()
    app.router.add_get("/health", health)
    app.router.add_route("*", "/echo", echo)
    announce(app, name="echo", port=PORT)
    web.run_app(app, host="0.0.0.0", port=PORT, access_log=None, print=None)


if __name__ == "__main__":
    main()
