"""A support bot's share of the work, to copy from: each customer has a session, each message is feedback.

    python docs/support_bot.py --server http://127.0.0.1:8000 --key nt_…

Here the customer is whoever types; in your bot, call `hear` with every message of a chat. It needs nothing but Python.
"""

import argparse
import json
import sys
import time
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

_ATTEMPTS = 5


@dataclass
class Bot:
    """Talks to a notthat server for many customers."""

    server: str
    key: str | None = None
    sessions: dict[str, str] = field(default_factory=dict)
    """Each customer's session: keep them in your database, and a customer can come back tomorrow."""

    def hear(self, customer: str, words: str, message: str | None = None) -> str:
        """What to answer to a customer's words; `message` is the message's id, so that it counts once if sent twice."""
        session = self.sessions.get(customer)
        try:
            if session is None:
                turn = self._post("/api/sessions", {"prompt": words}, message)
                self.sessions[customer] = turn["session"]
            else:
                turn = self._post(f"/api/sessions/{session}/turns", {"feedback": words}, message)
        except HTTPError as error:
            return str(json.load(error)["detail"])  # a line for people: a policy forbids it, the prompt is empty
        except URLError:
            return "I can't draw at the moment; please try again later."
        if turn["handoff"]:  # they ask for a person, or it still isn't right after some turns
            return f"A colleague will be with you shortly. (For them: {turn['links']['replay']})"
        return f"{turn['reply']}\n{turn['image']}"

    def _post(self, path: str, body: dict[str, Any], message: str | None) -> dict[str, Any]:
        """Ask the server, and again where it is busy or away: the message's id keeps that from making two turns."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": message or str(uuid.uuid4())}
        if self.key is not None:
            headers["Authorization"] = f"Bearer {self.key}"
        request = Request(self.server + path, json.dumps(body).encode(), headers)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with urlopen(request) as answer:
                    return dict(json.load(answer))
            except HTTPError as error:
                if error.code not in (429, 503) or attempt == _ATTEMPTS:
                    raise
                time.sleep(float(error.headers["Retry-After"]))
            except URLError:
                if attempt == _ATTEMPTS:
                    raise
                time.sleep(attempt)
        raise AssertionError("the last attempt returns or raises")


def main() -> None:
    """Be the bot of one customer, who types."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="http://127.0.0.1:8000")
    parser.add_argument("--key")
    asked = parser.parse_args()
    bot = Bot(asked.server, asked.key)
    print("What should the picture show?")
    for line in sys.stdin:
        print(bot.hear("the customer", line.strip()), flush=True)


if __name__ == "__main__":
    main()
