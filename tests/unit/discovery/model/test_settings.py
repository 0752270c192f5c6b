"""Discovery's settings from the environment, and the one line for each bad value."""

import pytest

from discovery.model.errors import SettingsError
from discovery.model.settings import RegistrySettings, check_redis_url, without_password


def refusal(**environ: str) -> str:
    with pytest.raises(SettingsError) as refused:
        RegistrySettings.from_env(environ)
    return str(refused.value)


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    assert RegistrySettings.from_env({}) == RegistrySettings(
        redis_url="redis://127.0.0.1:6379/0",
        namespace="default",
        heartbeat_interval_s=5.0,
        instance_ttl_s=15.0,
    )


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    names = ["REDIS_URL", "REGISTRY_NAMESPACE", "HEARTBEAT_INTERVAL", "INSTANCE_TTL"]
    assert RegistrySettings.from_env(dict.fromkeys(names, "")) == RegistrySettings()


def test_each_variable_is_read() -> None:
    settings = RegistrySettings.from_env(
        {
            "REDIS_URL": "unix:///run/redis.sock",
            "REGISTRY_NAMESPACE": "team-a_1.x",
            "HEARTBEAT_INTERVAL": "0.5",
            "INSTANCE_TTL": "2",
        }
    )
    assert settings == RegistrySettings("unix:///run/redis.sock", "team-a_1.x", 0.5, 2.0)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "redis://127.0.0.1:6379/0",
            "redis://h",
            "rediss://user:pw@h:6380/1",
            "unix:///run/r.sock",
        ),
        *(
            "redis+sentinel://a:1,b:2/main",
            "redis+sentinel://user:p%40ss@a,[::1]:2/main/3?sentinel_username=u&sentinel_password=p",
            "rediss+sentinel://a/main?ssl_ca_certs=/etc/ca.pem",
            "redis+cluster://a:1,b:2",
            "rediss+cluster://:pw@a:1/0?ssl_certfile=c.pem&ssl_keyfile=k.pem",
            "redis://[::1]:6379/0",
        ),
    ],
)
def test_the_documented_kinds_of_url_are_taken(url: str) -> None:
    check_redis_url(url)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "127.0.0.1:6379",
            "http://127.0.0.1:6379",
            "redis",
            "redis://",
            "redis://h:port/0",
        ),
        *(
            "redis://h:65536/0",
            "redis://[::1/0",
            "memcached://h",
        ),
    ],
)
def test_any_other_url_is_refused_with_what_is_allowed(url: str) -> None:
    said = refusal(REDIS_URL=url)
    assert said.startswith(f"REDIS_URL={url!r}: must be redis://host:port/db, rediss://")
    assert "unix:///path or redis+sentinel://" in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("redis+sentinel://a:1", "the name by which the sentinels know the servers is missing"),
        ("redis+sentinel://a:1/", "the name by which the sentinels know the servers is missing"),
        ("redis+sentinel:///main", "a host is missing"),
        ("redis+sentinel://a:1,/main", "a host is missing"),
        ("redis+sentinel://a:1,:2/main", "a host is missing"),
        ("redis+sentinel://a:port/main", "a port is not 1 to 65535"),
        ("redis+sentinel://a:65536/main", "a port is not 1 to 65535"),
        ("redis+sentinel://a:0/main", "a port is not 1 to 65535"),
        ("redis+sentinel://[::1/main", "a host is missing"),
        ("redis+sentinel://a/main/one", "the database 'one' is no number"),
        ("redis+sentinel://a/main?db=1", "'db' is no parameter of redis+sentinel://"),
        ("redis+sentinel://a/main?ssl_ca_certs=x", "'ssl_ca_certs' is no parameter of"),
        ("redis+cluster://a?sentinel_password=x", "'sentinel_password' is no parameter of"),
        ("redis+cluster://a/1", "a cluster has only database 0"),
        ("redis://a:1/one", "the database 'one' is no number"),
        ("rediss://a:1/0/1", "the database '0/1' is no number"),
    ],
)
def test_a_bad_url_is_refused_with_the_reason(url: str, why: str) -> None:
    said = refusal(REDIS_URL=url)
    assert said.startswith("REDIS_URL=")
    assert why in said
    assert "redis+sentinel://host:port,host:port/name" in said
    assert "\n" not in said


def test_a_sentinels_password_stays_hidden() -> None:
    url = "redis+sentinel://me:geheim@a:1/main?sentinel_password=geh@im&sentinel_username=u"
    hidden = "redis+sentinel://me:***@a:1/main?sentinel_password=***&sentinel_username=u"
    assert without_password(url) == hidden
    assert "geh" not in refusal(REDIS_URL=url + "&db=1")


def test_a_refused_url_is_shown_without_its_password() -> None:
    assert "geheim" not in refusal(REDIS_URL="http://me:geheim@h/0")
    assert without_password("redis://me:geheim@h:1/0") == "redis://me:***@h:1/0"
    assert without_password("redis://:geheim@h:1/0") == "redis://:***@h:1/0"
    assert without_password("redis://h:1/0") == "redis://h:1/0"


@pytest.mark.parametrize("secret", ["one@two", "one/two", "one:two", "@one@/:two@"])
def test_a_password_of_any_characters_stays_hidden(secret: str) -> None:
    """Passwords in URLs must be percent-encoded, but people paste them as they are: with an @ half of
    the password was logged, and with a / all of it."""
    assert without_password(f"redis://me:{secret}@h:1/0") == "redis://me:***@h:1/0"
    assert "two" not in refusal(REDIS_URL=f"http://me:{secret}@h/0")


@pytest.mark.parametrize("namespace", ["a b", "{x}", "a:b", "x" * 65, "ä"])
def test_a_namespace_must_not_break_the_keys(namespace: str) -> None:
    said = refusal(REGISTRY_NAMESPACE=namespace)
    assert said.startswith(f"REGISTRY_NAMESPACE={namespace!r}: must be 1 to 64 letters")


@pytest.mark.parametrize("variable", ["HEARTBEAT_INTERVAL", "INSTANCE_TTL"])
@pytest.mark.parametrize("value", ["x", "5s", "1,5"])
def test_what_is_no_number_is_named(variable: str, value: str) -> None:
    assert refusal(**{variable: value}) == f"{variable}={value!r}: must be a number of seconds"


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("HEARTBEAT_INTERVAL", "0", "0.05 to 3600"),
        ("HEARTBEAT_INTERVAL", "-1", "0.05 to 3600"),
        ("HEARTBEAT_INTERVAL", "3601", "0.05 to 3600"),
        ("HEARTBEAT_INTERVAL", "nan", "0.05 to 3600"),
        ("INSTANCE_TTL", "0.5", "1 to 3600"),
        ("INSTANCE_TTL", "inf", "1 to 3600"),
    ],
)
def test_what_is_out_of_range_is_named_with_the_range(
    variable: str, value: str, allowed: str
) -> None:
    assert refusal(**{variable: value}) == f"{variable}={value}: must be {allowed} seconds"


def test_a_lease_must_outlast_the_pause_between_heartbeats() -> None:
    said = refusal(HEARTBEAT_INTERVAL="5", INSTANCE_TTL="5")
    assert said == "HEARTBEAT_INTERVAL=5: must be less than INSTANCE_TTL, which is 5"
