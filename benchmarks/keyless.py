"""Large concurrent requests, without and with a key: the latency for other clients, and the memory.

    python benchmarks/keyless.py [--keyed] [--requests 6] [--megabytes 25] [--json]

Starts a real `notthat serve` with a key, sends `--requests` chats of `--megabytes` at once, and polls `/healthz`.
Without a key, the slowest poll should take less than 100 ms and the memory grow by less than 100 MB; otherwise exits
with 1.
"""

import argparse
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from notthat.storage import Store

MOST_MS = 100.0
MOST_MB = 100.0
SERVE = Path(__file__).with_name("serve.py")
"""Starts a server with a stub engine."""
PICTURE = 1_000_000
"""Characters of each picture in the chat."""


def chat(size: int, last: str) -> bytes:
    """A chat of about this many bytes, mostly pictures."""
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * PICTURE}}
    old = {"role": "user", "content": [{"type": "text", "text": "look, like this"}, part]}
    messages = [*[old] * (size // PICTURE), {"role": "user", "content": last}]
    return json.dumps({"messages": messages}).encode()


def start(home: Path) -> tuple[subprocess.Popen[str], str]:
    """A server process, and its URL."""
    process = subprocess.Popen(
        [sys.executable, str(SERVE), "--as-server", "stub", "serve", "--port", "0", "--model", "stub"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NOTTHAT_HOME": str(home), "NOTTHAT_INTERPRETER": "offline"},
    )
    assert process.stderr is not None
    return process, next(word for word in process.stderr.readline().split() if word.startswith("http"))


def send(address: tuple[str, int], body: bytes, token: str | None, begin: threading.Barrier) -> int:
    """Wait for the other clients, send a chat and return the status of the response."""
    key = f"Authorization: Bearer {token}\r\n" if token else ""
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Connection: close\r\nContent-Length: {len(body)}\r\n{key}\r\n"
    )
    with socket.create_connection(address, timeout=120) as connection:
        begin.wait()
        with suppress(OSError):  # it may be refused before all is sent
            connection.sendall(head.encode() + body)
        answer = connection.recv(4096)
    return int(answer.split()[1])


def ask(client: http.client.HTTPConnection) -> float:
    """Milliseconds of a request to `/healthz`."""
    began = time.perf_counter()
    client.request("GET", "/healthz")
    client.getresponse().read()
    return (time.perf_counter() - began) * 1000


def watch(
    client: http.client.HTTPConnection, server: psutil.Process, sent: Sequence["Future[int]"]
) -> dict[str, float]:
    """The worst latency and the largest growth of memory, until one second after the last response."""
    before, worst, most, ends = server.memory_info().rss, 0.0, 0, float("inf")
    while time.monotonic() < ends:
        worst = max(worst, ask(client))
        most = max(most, server.memory_info().rss - before)
        if ends == float("inf") and all(each.done() for each in sent):
            ends = time.monotonic() + 1
        time.sleep(0.002)
    return {"healthz_ms": round(worst, 1), "memory_mb": round(most / 1e6, 1)}


def measure(home: Path, *, keyed: bool, requests: int, megabytes: int) -> dict[str, Any]:
    """Measure `/healthz` and the memory during the requests."""
    with Store.open(home=home) as store:
        _, token = store.keys.add("benchmark")
    process, url = start(home)
    try:
        address = (str(urlsplit(url).hostname), int(urlsplit(url).port or 80))
        client = http.client.HTTPConnection(*address, timeout=120)
        while ask(client) and not _is_ready(client):
            time.sleep(0.1)
        idle = watch(client, psutil.Process(process.pid), [])["healthz_ms"]
        begin, body = threading.Barrier(requests), chat(megabytes * 1_000_000, "a harbour at dawn")
        with ThreadPoolExecutor(requests) as threads:
            sent = [threads.submit(send, address, body, token if keyed else None, begin) for _ in range(requests)]
            found = watch(client, psutil.Process(process.pid), sent)
        statuses = Counter(str(each.result()) for each in sent)
    finally:
        process.terminate()
        process.wait(60)
    return {"keyed": keyed, "idle_healthz_ms": idle, **found, "statuses": dict(statuses)}


def _is_ready(client: http.client.HTTPConnection) -> bool:
    client.request("GET", "/readyz")
    answer = client.getresponse()
    answer.read()
    return answer.status == 200


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keyed", action="store_true", help="send a key with each request")
    parser.add_argument("--requests", type=int, default=6)
    parser.add_argument("--megabytes", type=int, default=25)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder) / "home", keyed=args.keyed, requests=args.requests, megabytes=args.megabytes)
    if args.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:16} {value}")
    return 0 if args.keyed or (found["healthz_ms"] < MOST_MS and found["memory_mb"] < MOST_MB) else 1


if __name__ == "__main__":
    sys.exit(main())
