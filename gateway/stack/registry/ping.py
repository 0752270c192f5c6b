"""Asks whether a registry server answers; its imports take longer than the rest of `lockgate ps`."""


def default_url(port: int) -> str:
    return f"redis://127.0.0.1:{port}/0"


def answers_ping(url: str) -> bool:
    """Whether it answers; False while it still loads its data."""
    import redis

    from discovery.store.clients import connect

    try:
        with connect(url) as client:
            return bool(client.ping())
    except (redis.RedisError, OSError):
        return False


def is_answered_by(pid: int, url: str) -> bool:
    """Whether this process is the server that answers; its log or its pid alone don't prove it."""
    import redis

    from discovery.store.clients import connect

    try:
        with connect(url) as client:
            client.ping()
            return bool(client.info("server")["process_id"] == pid)
    except (redis.RedisError, OSError):
        return False
