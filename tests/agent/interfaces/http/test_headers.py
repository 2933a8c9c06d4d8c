"""Headers and paths that can't be read: refused, or as if they were not there, and never an error of the server's."""

from urllib.parse import quote_from_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ..conftest import Running, Serve
from .connections import all_of, connected

NAMES = [
    "Accept",
    "Access-Control-Request-Headers",
    "Access-Control-Request-Method",
    "Authorization",
    "Baggage",
    "Connection",
    "Content-Length",
    "Content-Type",
    "Cookie",
    "Expect",
    "Forwarded",
    "Host",
    "Idempotency-Key",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "Last-Event-ID",
    "Mcp-Protocol-Version",
    "Mcp-Session-Id",
    "Origin",
    "Prefer",
    "Range",
    "Traceparent",
    "Tracestate",
    "Transfer-Encoding",
    "Upgrade",
    "X-API-Key",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
]
HARD = [
    "[::1",
    "http://[::1",
    "http://[",
    "http://a:b:c",
    "http://localhost:99999",
    "Basic \xe4\xf6",
    "Basic /w==",
    "Bearer ",
    "bytes=-",
    "bytes=9-1,2-",
    "9" * 5000,
    "-1",
    "\xb2",
    "abc-\xb2",
    "multipart/form-data",
    "application/json; charset=\xff",
    "00-" + "f" * 40,
    "a=%zz;%",
]
values = st.sampled_from(HARD) | st.text(
    st.characters(codec="latin-1", exclude_categories=["Cc"], exclude_characters="\x7f"), max_size=40
)
"""What h11 lets pass."""
PATHS = [
    ("GET", "/healthz"),
    ("GET", "/openapi.json"),
    ("GET", "/"),
    ("GET", "/web/main.js"),
    ("GET", "/api/sessions"),
    ("GET", "/api/sessions/0123456789abcdef/turns/0/events"),
    ("GET", "/v1/models"),
    ("GET", "/sdapi/v1/options"),
    ("GET", "/mcp"),
    ("POST", "/api/sessions/0123456789abcdef/turns"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/sdapi/v1/txt2img"),
    ("POST", "/mcp"),
    ("DELETE", "/mcp"),
    ("OPTIONS", "/api/sessions"),
    ("PUT", "/healthz"),
]


@pytest.fixture
def servers(serve: Serve) -> list[Running]:
    """One for this machine alone, one that is open to others, and one that any page may call."""
    started = [serve(), serve(loopback=False), serve(cors=("*",), url="https://pictures.example")]
    for server in started:
        server.wait_until(lambda server=server: server.studio.find_loaded("stub") is not None)  # type: ignore[misc]
    return started


def status_of(server: Running, method: str, path: str, headers: list[tuple[str, str]]) -> int:
    told = {"Host": "localhost", "Connection": "close", **dict(headers)}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items()), "", ""]
    with connected(server) as connection:
        connection.sendall("\r\n".join(lines).encode("latin-1"))
        if told["Connection"] == "close" and "Content-Length" not in told and "Transfer-Encoding" not in told:
            answer = all_of(connection)
        else:
            answer = connection.recv(65536)
    return int(answer.split()[1]) if answer else 0


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_no_header_makes_the_server_fail(servers: list[Running], data: st.DataObject) -> None:
    server = data.draw(st.sampled_from(servers))
    method, path = data.draw(st.sampled_from(PATHS))
    headers = data.draw(st.lists(st.tuples(st.sampled_from(NAMES), values), min_size=1, max_size=3))
    assert status_of(server, method, path, headers) < 500


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    prefix=st.sampled_from(
        ["/", "/web/", "/api/sessions/", "/api/images/", "/v1/", "/v1/models/", "/sdapi/v1/", "/mcp/"]
    ),
    rest=st.binary(max_size=20),
    query=st.binary(max_size=20),
)
def test_no_path_makes_the_server_fail(servers: list[Running], prefix: str, rest: bytes, query: bytes) -> None:
    path = f"{prefix}{quote_from_bytes(rest)}?limit={quote_from_bytes(query)}"
    assert status_of(servers[0], "GET", path, []) < 500


@pytest.mark.parametrize("host", ["[::1", "[", "a b", "user@localhost", "localhost:http", "localhost/path"])
def test_a_host_that_is_none_is_refused(servers: list[Running], host: str) -> None:
    for server in servers:
        assert status_of(server, "GET", "/healthz", [("Host", host)]) == 400
        assert server.logged()[-1]["event"] == "request"


@pytest.mark.parametrize("origin", ["http://[::1", "http://localhost:99999", "localhost", "null", "", "http://"])
def test_an_origin_that_is_none_is_not_the_servers_own(server: Running, origin: str) -> None:
    assert status_of(server, "GET", "/healthz", [("Origin", origin)]) == 403
