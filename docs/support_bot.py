"""An example support bot, to copy from. Each customer has a session, and each message is feedback.

    python docs/support_bot.py --server http://127.0.0.1:8000 --key nt_…

Here the customer is the person at the keyboard. In your bot, call `handle_message` with every message of a chat.
The standard library is all it needs.
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
    """The session of each customer. Store them in your database, so that customers can come back."""

    def handle_message(self, customer: str, words: str, message: str | None = None) -> str:
        """Answer a customer's words. `message` is the message's id; a repeated id makes no second turn."""
        session = self.sessions.get(customer)
        try:
            if session is None:
                turn = self._post("/api/sessions", {"prompt": words}, message)
                self.sessions[customer] = turn["session"]
            else:
                turn = self._post(f"/api/sessions/{session}/turns", {"feedback": words}, message)
        except HTTPError as error:
            return str(json.load(error)["detail"])  # one line for the user, for example that a policy forbids it
        except URLError:
            return "I can't draw at the moment; please try again later."
        if turn["handoff"]:  # the customer asks for a person, or is still unhappy after some turns
            return f"A colleague will be with you shortly. (For them: {turn['links']['replay']})"
        return f"{turn['reply']}\n{turn['image']}"

    def _post(self, path: str, body: dict[str, Any], message: str | None) -> dict[str, Any]:
        """Send a request; repeat it if the server is busy or unreachable. The message's id prevents a second turn."""
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
    """Run the bot for one customer on stdin."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="http://127.0.0.1:8000")
    parser.add_argument("--key")
    asked = parser.parse_args()
    bot = Bot(asked.server, asked.key)
    print("What should the picture show?")
    for line in sys.stdin:
        print(bot.handle_message("the customer", line.strip()), flush=True)


if __name__ == "__main__":
    main()
