"""A WebSocket server on aiohttp that echoes messages: `python -m bench.websocket_echo PORT`.

Autobahn's own server would refuse the gateway's requests, since their Host has the gateway's port.
"""

import sys

import aiohttp
from aiohttp import web


async def echo(request: web.Request) -> web.WebSocketResponse:
    answer = web.WebSocketResponse(max_msg_size=0)
    await answer.prepare(request)
    async for message in answer:
        if message.type is aiohttp.WSMsgType.TEXT:
            await answer.send_str(message.data)
        elif message.type is aiohttp.WSMsgType.BINARY:
            await answer.send_bytes(message.data)
    return answer


async def small(_: web.Request) -> web.Response:
    """Answer the stage's check that the route works."""
    return web.Response()


def main() -> None:
    app = web.Application()
    app.router.add_get("/", echo)
    app.router.add_get("/small", small)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)


if __name__ == "__main__":
    main()
