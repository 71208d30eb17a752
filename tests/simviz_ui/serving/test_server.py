"""What the server answers to requests that no browser makes, without any session."""

import http.client
from collections.abc import Iterator

import pytest
from running_app import running_app


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Host and port of the app."""
    with running_app("app.py", tmp_path_factory.mktemp("server") / "log.txt", {}) as url:
        yield url.removeprefix("http://")


def answer(
    host: str, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and content; the path goes out as it is, without being tidied."""
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.putrequest(method, path)
    for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
        connection.putheader(name, value)
    connection.endheaders(body)
    response = connection.getresponse()
    return response.status, dict(response.getheaders()), response.read()


@pytest.mark.parametrize(
    "path",
    [
        "/media/../../../../etc/passwd",
        "/media/..%2f..%2f..%2fetc%2fpasswd",
        "/component/simviz/../../../../etc/passwd",
        "/_stcore/bidi-components/simviz/..%2f..%2f..%2fetc%2fpasswd",
        "/app/static/..%2fapp.py",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
    ],
)
def test_no_address_leads_to_a_file(host: str, path: str) -> None:
    status, _, content = answer(host, "GET", path)
    assert (status, b"root:" in content) == (400, False)


def test_files_beside_the_app_are_not_served(host: str) -> None:
    for path in ("/app.py", "/.streamlit/config.toml", "/demo/rooms/rooms.json"):
        status, headers, content = answer(host, "GET", path)
        # Whatever is no page is Streamlit's own page, which says so.
        assert status == 404 or headers["content-type"].startswith("text/html"), path
        assert b"maxUploadSize" not in content
        assert b"set_page_config" not in content


def test_no_header_is_made_of_an_address(host: str) -> None:
    for path in ("/pair?query=%0d%0aSet-Cookie:%20a=b", "/pair%0d%0aSet-Cookie:%20a=b"):
        _, headers, _ = answer(host, "GET", path)
        assert "set-cookie" not in {name.lower() for name in headers}


def test_nothing_is_taken_from_a_stranger(host: str) -> None:
    head = {"Content-Type": "multipart/form-data; boundary=x"}
    body = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\nhi\r\n--x--\r\n'
    status, _, _ = answer(host, "PUT", "/_stcore/upload_file/none/1", head, body)
    assert status == 403


def test_another_sites_pages_cannot_use_the_server(host: str) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Protocol": "streamlit",
    }
    for origin, expected in ((f"http://{host}", 101), ("http://outside.test", 403)):
        connection = http.client.HTTPConnection(host, timeout=60)
        connection.request("GET", "/_stcore/stream", headers=upgrade | {"Origin": origin})
        assert connection.getresponse().status == expected
        connection.close()


def test_metrics_count_sessions(host: str) -> None:
    status, _, content = answer(host, "GET", "/_stcore/metrics")
    assert status == 200
    assert b"active_sessions" in content
