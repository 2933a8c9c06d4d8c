"""A server on loopback that speaks OpenAI's protocol and says what a test's script says."""

import json
import threading
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Send = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """Speaks OpenAI's protocol: says its `script`, one line a request and the last for ever.

    A line is the text of an answer, or a function that answers in its own way. What it `refuses` is
    answered with status 400. `requests` holds what it was asked.
    """

    def __init__(self) -> None:
        self.script: deque[str | Send] = deque()
        self.refuses: set[str] = set()
        self.usage: dict[str, int] | None = None
        """What each answer is said to have taken; None where the server doesn't count."""
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    def say(self, *lines: str | Send) -> None:
        """Say this from now on."""
        self.script = deque(lines)

    def asked(self, request: int = -1) -> str:
        """What a request says to the model, the rules left out."""
        return json.dumps(self.requests[request]["messages"][1:], ensure_ascii=False)

    def close(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def _handler(server) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.requests.append(request)
                server.keys.append(self.headers["Authorization"])
                text = json.dumps(request)
                if refused := [name for name in server.refuses if f'"{name}' in text]:
                    send_error(self, 400, f"{refused[0]} is not supported")
                    return
                line = server.script[0] if len(server.script) == 1 else server.script.popleft()
                line(self) if callable(line) else send_answer(self, line, server.usage, with_tool="tools" in request)

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler


def send(handler: BaseHTTPRequestHandler, status: int, body: object, **headers: str) -> None:
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    handler.send_response(status)
    for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(content)


def send_error(handler: BaseHTTPRequestHandler, status: int, message: str, **headers: str) -> None:
    send(handler, status, {"error": {"message": message, "type": "invalid_request_error"}}, **headers)


def send_message(
    handler: BaseHTTPRequestHandler,
    message: dict[str, Any],
    reason: str = "stop",
    usage: dict[str, int] | None = None,
) -> None:
    choice = {"index": 0, "finish_reason": reason, "message": {"role": "assistant", "content": None, **message}}
    counted = {} if usage is None else {"usage": usage}
    answer = {"id": "1", "object": "chat.completion", "created": 1, "model": "test", "choices": [choice], **counted}
    send(handler, 200, answer)


def send_answer(
    handler: BaseHTTPRequestHandler, text: str, usage: dict[str, int] | None = None, *, with_tool: bool = False
) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "answer", "arguments": text}}
    send_message(handler, {"tool_calls": [call]} if with_tool else {"content": text}, usage=usage)
