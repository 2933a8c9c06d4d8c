"""A process that writes turns as fast as it can: `python writer.py HOME SESSION|new COUNT`.

It prints the session and number of each finished turn on one line.
"""

import os
import sys
from pathlib import Path

from PIL import Image

from notthat.storage import ExclusionRecord, NewTurn, Store


def turn(number: int, parent: int | None) -> NewTurn:
    words = f"words of {os.getpid()}"
    return NewTurn(
        number=number,
        parent=parent,
        feedback=words,
        edits=(),
        reply="",
        prompt="a house",
        negative="fog",
        exclusions=(ExclusionRecord("fog", 1.0, "user", number, words),),
        seed=number,
        request={"steps": 20},
        seconds=0.0,
    )


def main(home: str, session: str, count: str) -> None:
    with Store.open(home=Path(home)) as store:
        for _ in range(int(count)):
            picture = Image.frombytes("RGB", (64, 64), os.urandom(64 * 64 * 3))
            if session == "new":
                kept = store.begin_session("mini", (), turn(0, None), picture, {})
            else:
                number = store.next_number(session)
                kept = store.add_turn(session, turn(number, number - 1), picture, {})
            print(kept.session, kept.number, kept.sha256, flush=True)


main(*sys.argv[1:])
