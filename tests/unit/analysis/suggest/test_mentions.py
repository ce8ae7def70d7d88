"""What in a text is a host that somebody calls."""

import pytest

from seaway.analysis.suggest.mentions import Mention, find_mentions


@pytest.mark.parametrize(
    ("text", "called", "found"),
    [
        pytest.param("http://api:9000/v1", "", [Mention("api", 9000, url=True)], id="url"),
        pytest.param("https://api.shop/v1", "", [Mention("api.shop", 443, url=True)], id="port-of-the-scheme"),
        pytest.param("postgres://u:s3cret@db.data.svc:5433/x", "", [Mention("db.data.svc", 5433, url=True)], id="user-and-password"),
        pytest.param("postgresql+psycopg://db/x", "", [Mention("db", 5432, url=True)], id="driver-in-the-scheme"),
        pytest.param("mongodb://a.m:1,b.m:2/x", "", [Mention("a.m", 1, url=True), Mention("b.m", 2, url=True)], id="several-hosts"),
        pytest.param(
            "kafka-0.kafka:9092,kafka-1.kafka:9092", "", [Mention("kafka-0.kafka", 9092), Mention("kafka-1.kafka", 9092)], id="list"
        ),
        pytest.param("see db.data.svc.cluster.local. for it", "", [Mention("db.data.svc.cluster.local", 0)], id="long-name-and-dot"),
        pytest.param("REDIS:6379", "", [Mention("redis", 6379)], id="case"),
        pytest.param("database", "DB_HOST", [Mention("database", 0)], id="value-of-a-host"),
        pytest.param("database", "DB_NAME", [], id="value-of-something-else"),
        pytest.param("--upstream=api", "", [Mention("api", 0)], id="flag-with-value"),
        pytest.param("api", "--upstream", [Mention("api", 0)], id="flag-before-value"),
        pytest.param("  host: api", "", [Mention("api", 0)], id="yaml-line"),
        pytest.param("server api:8080;", "", [Mention("api", 8080)], id="nginx-line"),
        pytest.param("the web of things", "", [], id="words"),
        pytest.param("2026-01-01T10:20:30", "", [], id="time"),
        pytest.param("10.1.2.3:80", "", [Mention("10.1.2.3", 80)], id="address"),
        pytest.param("image/api:1.2.3", "", [], id="image"),
        pytest.param("api:99999", "", [], id="no-port"),
    ],
)
def test_mentions(text: str, called: str, found: list[Mention]) -> None:
    assert list(find_mentions(text, called)) == found
