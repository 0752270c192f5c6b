"""The client's side of the gateway, and all that knows aiohttp's inside."""
