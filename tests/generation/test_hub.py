"""A model of the hub is judged by its index before anything large is downloaded."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

INDEX = json.dumps({"_class_name": "WuerstchenCombinedPipeline", "_diffusers_version": "0.30.0"}).encode()


class Hub(BaseHTTPRequestHandler):
    """Has one repository, with an index of an unsupported pipeline."""

    paths: list[str]

    def do_HEAD(self) -> None:
        self._send(b"")

    def do_GET(self) -> None:
        self._send(INDEX)

    def _send(self, body: bytes) -> None:
        self.paths.append(self.path)
        found = self.path.endswith("model_index.json")
        self.send_response(200 if found else 404)
        for name, value in (("ETag", '"1"'), ("X-Repo-Commit", "a" * 40), ("Content-Length", str(len(INDEX)))):
            self.send_header(name, value if found or name != "Content-Length" else "0")
        self.end_headers()
        self.wfile.write(body if found else b"")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def hub() -> Iterator[tuple[str, list[str]]]:
    """The address of a hub on loopback, and the paths that it was asked for."""
    Hub.paths = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", Hub.paths
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_unsupported_pipeline_is_refused_by_its_index_alone(hub: tuple[str, list[str]], tmp_path: Path) -> None:
    address, paths = hub
    done = subprocess.run(
        [sys.executable, "-m", "notthat", "generate", "a man", "--model", "somebody/cascade"],
        env={**os.environ, "HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "somebody/cascade is a WuerstchenCombinedPipeline, which is not supported" in done.stderr
    downloads = {path for path in paths if "/resolve/" in path}
    assert downloads == {"/somebody/cascade/resolve/main/model_index.json"}
