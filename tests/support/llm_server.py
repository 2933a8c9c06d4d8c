"""An OpenAI-compatible server on loopback that responds as a test scripts it."""

import json
import threading
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Send = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """A server with scripted responses: `script` has one line for each request, and the last one is repeated.

    A line is the text of a response, or a function that handles the request. Requests with a feature in `refuses` get
    `refusal_status`. `requests` records all requests.
    """

    def __init__(self) -> None:
        self.script: deque[str | Send] = deque()
        self.refuses: set[str] = set()
        self.refusal_status = 400
        self.usage: dict[str, int] | None = None
        """Token usage in each response. None for a server that does not report it."""
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
        """Set the script."""
        self.script = deque(lines)

    def asked(self, request: int = -1) -> str:
        """The messages of a request, without the system message."""
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
                    send_error(self, server.refusal_status, f"{refused[0]} is not supported")
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
    usage_field = {} if usage is None else {"usage": usage}
    answer = {"id": "1", "object": "chat.completion", "created": 1, "model": "test", "choices": [choice], **usage_field}
    send(handler, 200, answer)


def send_answer(
    handler: BaseHTTPRequestHandler, text: str, usage: dict[str, int] | None = None, *, with_tool: bool = False
) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "answer", "arguments": text}}
    send_message(handler, {"tool_calls": [call]} if with_tool else {"content": text}, usage=usage)
