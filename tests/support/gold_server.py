"""An OpenAI-compatible server on loopback that responds to each case with the expected edits.

Any error of the interpreter is then one of parsing the response.
"""

import json
import re
import threading
from collections.abc import Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from types import TracebackType
from typing import Any

from notthat.agent.exclusions import NegativePrompt, parse_negative

_MOST_TEXTS = 5000


class GoldServer:
    """A context manager. A case is identified by the feedback, the prompt and the exclusions in the message."""

    def __init__(self, cases: Iterable[Mapping[str, Any]]) -> None:
        self._answers = {(case["feedback"], case["prompt"], _terms(case["negative"])): answer(case) for case in cases}
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        """The address for `OPENAI_BASE_URL`."""
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    def __enter__(self) -> "GoldServer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def find_response(self, message: str) -> str | None:
        """The response to a message of the interpreter. None if no case matches it."""
        request = json.loads(message)
        terms = tuple(sorted(exclusion["term"] for exclusion in request["excluded"]))
        return self._answers.get((request["feedback"], request["prompt"], terms))

    def _handler(server) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                response = server.find_response(request["messages"][1]["content"])
                message = {"role": "assistant", "content": response}
                choice = {"index": 0, "finish_reason": "stop", "message": message}
                body = {"id": "1", "object": "chat.completion", "created": 1, "model": "gold", "choices": [choice]}
                content = json.dumps(body if response else {"error": {"message": "no such case"}}).encode()
                self.send_response(200 if response else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler


def answer(case: Mapping[str, Any]) -> str:
    """The ideal response to a case, with a text that matches the expected prompt."""
    negative = parse_negative(case["negative"])
    return json.dumps({"edits": [_edit(gold, negative) for gold in case["edits"]], "reply": "As you say."})


def text_with(must: list[str], must_not: list[str]) -> str:
    """A text that matches each of `must` and none of `must_not`.

    Raises:
        ValueError: if no such text can be composed from the words of the expressions.
    """
    choices = [[_plain(part) for part in pattern.split("|")] for pattern in must]
    for count, words in enumerate(product(*choices)):
        text = " ".join(words)
        missing = [part for part in must if not re.search(part, text, re.I)]
        if text and not missing and not any(re.search(part, text, re.I) for part in must_not):
            return text
        if count > _MOST_TEXTS:
            break
    raise ValueError(f"no text holds all of {must} and none of {must_not}")


def _edit(gold: Mapping[str, Any], negative: NegativePrompt) -> dict[str, Any]:
    op = gold["op"]
    if op == "prompt":
        return {"op": op, "text": text_with(gold["must"], gold["must_not"])}
    if op == "undo":
        return {"op": op, "turns": gold.get("turns", 1)}
    if op in {"reset", "reroll"}:
        return {"op": op}
    known = next((found for term in gold["term"] if (found := negative.find(term))), None)
    term = known.term if known else gold["term"][0]
    if op == "reweight":
        before = known.weight if known else 1.0
        return {"op": op, "term": term, "weight": round(before + (0.2 if gold["direction"] == "up" else -0.2), 2)}
    return {"op": op, "term": term}


def _terms(negative: str) -> tuple[str, ...]:
    return tuple(sorted(parse_negative(negative).terms))


def _plain(pattern: str) -> str:
    """Words that match a regular expression: `wom[ae]n` -> "woman"."""
    pattern = re.sub(r"\\b|\^|\$", "", pattern)
    pattern = re.sub(r"\[(.)[^\]]*\]\??", r"\1", pattern)
    return re.sub(r"\((?:\?:)?([^)]*)\)\??|\\(.)|(.)\?", r"\1\2\3", pattern)
