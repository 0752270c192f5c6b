"""Makes full handshakes one after the other over a few connections: `python -m bench.tls.handshaking PORT SECONDS`.

It prints how many it made. Each is followed by a close, and none resumes a session.
"""

import asyncio
import contextlib
import ssl
import sys
import time

_AT_ONCE = 8


async def shake(port: int, until_s: float, context: ssl.SSLContext) -> int:
    """How many handshakes one client made in time."""
    made = 0
    while time.perf_counter() < until_s:
        _, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname="localhost"
        )
        made += 1
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    return made


async def run(port: int, duration_s: float) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    until_s = time.perf_counter() + duration_s
    made = await asyncio.gather(*(shake(port, until_s, context) for _ in range(_AT_ONCE)))
    print(sum(made))


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]), float(sys.argv[2])))
