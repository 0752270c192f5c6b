"""A TLS client that ends each direction as the test says, which asyncio's can't."""

import ssl

from tests.support.raw_clients import RawClient


class TlsByHand:
    """A connection whose TLS is done in memory."""

    def __init__(self, client: RawClient, context: ssl.SSLContext, server_name: str) -> None:
        self.client = client
        self._received, self._sent = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._received, self._sent, server_hostname=server_name)

    @classmethod
    async def connect(cls, port: int, context: ssl.SSLContext, server_name: str) -> "TlsByHand":
        made = cls(await RawClient.connect(port), context, server_name)
        while True:
            try:
                made._tls.do_handshake()
            except ssl.SSLWantReadError:
                await made._flush()
                await made._more()
            else:
                await made._flush()
                return made

    async def send(self, data: bytes) -> None:
        self._tls.write(data)
        await self._flush()

    async def read_until(self, end: bytes) -> bytes:
        """What comes, until it ends so."""
        came = b""
        while not came.endswith(end):
            try:
                came += self._tls.read(65536)
            except ssl.SSLWantReadError:
                await self._more()
        return came

    async def say_the_end(self) -> None:
        """Send close_notify; what comes is still read."""
        try:
            self._tls.unwrap()
        except ssl.SSLWantReadError:
            await self._flush()

    def fin(self) -> None:
        """Send TCP's end, whether or not TLS's was sent."""
        self.client.writer.write_eof()

    async def close(self) -> None:
        await self.client.close()

    async def _flush(self) -> None:
        await self.client.send(self._sent.read())

    async def _more(self) -> None:
        data = await self.client.reader.read(65536)
        if not data:
            raise ConnectionResetError("the server has ended the connection")
        self._received.write(data)
