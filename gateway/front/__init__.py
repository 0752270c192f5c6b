"""The client's side of the gateway, and all code that knows aiohttp's internals."""
