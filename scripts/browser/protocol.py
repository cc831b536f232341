"""What the server bears and refuses, by bare requests."""

import http.client
import json
import socket
import subprocess
import time
import urllib.error
import urllib.request

from bench import PATIENCE, Server
from openapi_spec_validator import validate


def ask(server, path, method="GET", body=None, **headers):
    """Status, headers and body, with any header that a browser would not let a page set."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    result = response.status, response.headers, response.read()
    connection.close()
    return result


def access(bench, browser):
    del browser
    with bench.server() as server:
        port = server.port
        for host in (f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", f"LOCALHOST:{port}"):
            assert ask(server, "/api/models", Host=host)[0] == 200, host
        for host in ("evil.example", f"evil.example:{port}", "localhost", f"localhost:{port + 1}", f"127.0.0.1.evil:{port}",
                     f"localhost.:{port}", f"localhost:{port}.evil.example", "127.0.0.1", "0.0.0.0", ""):
            status, _, body = ask(server, "/api/models", Host=host)
            assert status in (400, 421), f"Host {host!r}: {status}"
            assert b"error" in body or status == 400
        own = f"127.0.0.1:{port}"
        for origin in ("http://evil.example", f"http://localhost:{port}", "null", f"http://127.0.0.1:{port + 1}",
                       f"http://127.0.0.1:{port}.evil.example"):
            status, _, _ = ask(server, "/api/translate?model=fronts", "POST", b"x", Host=own, Origin=origin)
            assert status == 403, f"Origin {origin}: {status}"
        assert ask(server, "/api/translate?model=fronts", "POST", b"x", Host=own, Origin=f"http://{own}")[0] == 400
        for site in ("cross-site", "same-site"):
            assert ask(server, "/api/models", Host=own, Sec_Fetch_Site=site)[0] == 403
        # A link of elsewhere may lead to a page.
        assert ask(server, "/", Host=own, Sec_Fetch_Site="cross-site")[0] == 200
        for path in ("/../../etc/passwd", "/app/../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/app/%2e%2e%2fstyle.css",
                     "/api/runs/..%2f..%2fetc/page", "/api/runs/fronts/samples/..%2f1", "/api/runs/%00/page",
                     "/api/models/..%2ffronts/examples/0", "/templates/frame.mustache", "//etc/passwd"):
            status, _, body = ask(server, path, Host=own)
            assert status in (400, 404) and b"root:" not in body, f"{path}: {status}"
        for path in ("/", "/train", "/api/models", "/nothing"):
            _, headers, _ = ask(server, path, Host=own)
            assert "default-src 'none'" in headers["Content-Security-Policy"], path
            assert "unsafe" not in headers["Content-Security-Policy"]
            assert headers["X-Content-Type-Options"] == "nosniff"
        for query in ("seed=-1", "seed=x", "sample=0", "size=huge", "dropout=off&seed=1", "format=jpeg", "bit-depth=12",
                      "nothing=1", "seed=1&seed=2", "lengths=1,2", "lengths=x", "statistics=other"):
            status, _, body = ask(server, f"/api/translate?model=fronts&{query}", "POST", b"xxxx", Host=own)
            line = json.loads(body)["error"]
            assert status == 400 and "\n" not in line, f"{query}: {status} {line}"
        assert ask(server, "/api/translate?model=nothing", "POST", b"x", Host=own)[0] == 404
        assert ask(server, "/api/translate?model=fronts", "POST", b"", Host=own)[0] == 400


def token(bench, browser):
    command = ["--host", "0.0.0.0", "--allow-host", "gpu.example"]
    with bench.server(bench.runs, *command) as server:
        word = server.address.split("token=")[1]
        assert len(word) >= 32
        own = f"localhost:{server.port}"
        assert ask(server, "/api/models", Host=own)[0] == 401
        assert ask(server, "/", Host=own)[0] == 401
        for wrong in (word[:-1], word + "0", "", "0" * len(word)):
            assert ask(server, "/api/models", Host=own, Authorization=f"Bearer {wrong}")[0] == 401
        assert ask(server, "/api/models", Host=own, Authorization=f"Bearer {word}")[0] == 200
        assert ask(server, "/api/models", Host=f"gpu.example:{server.port}", Authorization=f"Bearer {word}")[0] == 200
        status, headers, _ = ask(server, f"/?token={word}", Host=own)
        assert status == 303 and headers["Location"] == "/"
        assert "HttpOnly" in headers["Set-Cookie"] and "SameSite=Strict" in headers["Set-Cookie"]
        page = browser.new_context().new_page()
        page.goto(f"http://{own}/?token={word}")
        page.wait_for_selector("#output[src]", timeout=PATIENCE * 1000)
        assert "token" not in page.url
    # A host that others reach has a token even where none was asked for; one too short is refused.
    outcome = subprocess.run(
        [bench.program, "serve", str(bench.runs), "--token", "short"], capture_output=True, text=True)
    assert outcome.returncode == 64, outcome.stderr


def described(bench, browser):
    """The description is OpenAPI, and every route in it answers."""
    del browser
    with bench.server() as server:
        own = f"127.0.0.1:{server.port}"
        description = json.loads(ask(server, "/openapi.json", Host=own)[2])
        validate(description)
        values = {"model": "fronts", "run": "fronts", "number": "0", "step": "10"}
        picture = sorted((bench.folder / "labels" / "val").glob("*.png"))[0].read_bytes()
        for path, methods in description["paths"].items():
            for method, operation in methods.items():
                filled, query = path, []
                for parameter in operation.get("parameters", []):
                    if parameter["in"] == "path":
                        filled = filled.replace("{" + parameter["name"] + "}", values[parameter["name"]])
                    elif parameter["required"]:
                        query.append(f"{parameter['name']}={values[parameter['name']]}")
                if path == "/api/compare":
                    query = ["run=fronts", "run=edges"]
                if path == "/api/events":
                    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
                        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {own}\r\n\r\n".encode())
                        received = b""
                        while b"\n\n" not in received.split(b"\r\n\r\n", 1)[-1]:
                            received += connection.recv(65536)
                    assert b"text/event-stream" in received and b"event: runs" in received
                    continue
                status, headers, _ = ask(
                    server, filled + ("?" + "&".join(query) if query else ""), method.upper(),
                    picture if method == "post" else None, Host=own)
                assert status == 200, f"{method} {filled}: {status}"
                kinds = operation["responses"]["200"]["content"]
                assert headers["Content-Type"].split(";")[0] in kinds, f"{filled}: {headers['Content-Type']}"


def hard_times(bench, browser):
    """Slow, silent and greedy clients, and a stop while one waits."""
    del browser
    server = Server(bench.program, bench.runs, "--port", 0)
    own = f"127.0.0.1:{server.port}"
    try:
        # Silent ones: many of them keep nobody else out.
        silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(100)]
        halves = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(10)]
        for connection in halves:
            connection.sendall(f"POST /api/translate?model=fronts HTTP/1.1\r\nHost: {own}\r\nContent-Length: 1000\r\n\r\nx".encode())
        assert ask(server, "/api/models", Host=own)[0] == 200
        # Long headers.
        status, _, _ = ask(server, "/api/models", Host=own, X_Long="x" * 20000)
        assert status in (400, 431), status
        # A body that says its length, and one that does not.
        status, _, _ = ask(server, "/api/translate?model=fronts", "POST", None, Host=own, Content_Length=str(1 << 40))
        assert status == 413, status
        for connection in silent + halves:
            connection.close()
        # Ctrl-C lets an answer under way finish, and ends what only listens.
        listening = socket.create_connection(("127.0.0.1", server.port))
        listening.sendall(f"GET /api/events HTTP/1.1\r\nHost: {own}\r\n\r\n".encode())
        listening.recv(1000)
        started = time.monotonic()
        code = server.stop()
        assert code == 0, code
        assert time.monotonic() - started < 30, "the server does not stop while somebody listens"
    finally:
        if server.process.poll() is None:
            server.process.kill()
