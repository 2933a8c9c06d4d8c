"""`notthat interpret`: feedback to edits, for one line or a batch file, without drawing."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ....errors import InvalidInputError
from ...edits import State, edits_adapter
from ...exclusions import parse_negative
from ...interpreters import Interpreter


def interpret_line(interpreter: Interpreter, line: dict[str, Any]) -> dict[str, Any]:
    """The edits and the reply for the feedback of a line, given its prompt and negative prompt."""
    state = State(line["prompt"], parse_negative(line["negative"]), seed=0)
    interpretation = interpreter.interpret(line["feedback"], state)
    result = {"edits": edits_adapter.dump_python(interpretation.edits, mode="json"), "reply": interpretation.reply}
    if interpretation.question is not None:
        result |= {"reply": interpretation.question.text, "question": interpretation.question.model_dump(mode="json")}
    return result


def read_batch(path: Path) -> Iterator[dict[str, Any]]:
    """Read and check all lines of a batch file.

    Raises:
        InvalidInputError: names the first line that is not `{"id","prompt","negative","feedback"}`.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # not `splitlines`: JSON strings may contain U+2028
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} can't be read: {error}") from None
    parsed = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
            texts = {name: value.get(name, "") for name in ("prompt", "negative")} | {"feedback": value["feedback"]}
            if not all(isinstance(text, str) for text in texts.values()):
                raise TypeError
            parsed.append({"id": value["id"], **texts})
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InvalidInputError(
                f'{path}, line {number}: expected {{"id","prompt","negative","feedback"}}'
            ) from None
    return iter(parsed)
