"""The registry in Redis: keys, scripts, and clients that find their server."""
