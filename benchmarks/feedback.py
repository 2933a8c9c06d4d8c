"""How well an interpreter understands feedback: accuracy by kind, latency, and the failed cases.

    python benchmarks/feedback.py FILE [FILE ...] [--interpreter offline|llm|gold] [--failures] [--long] [--json]

`gold` is the LLM interpreter with a server on loopback that returns the correct answers: its errors are errors between
the model's answer and the edits.

Each line of a FILE is one case in JSON; `tests/support/feedback_scoring.py` defines its fields and the scoring.

Latency is given as wall-clock time and as processor time, which a busy machine does not change. `--long` also measures
feedback of the maximum length, such as a held-down key, a list of hundreds of terms, or one endless clause.
"""

import argparse
import json
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))  # the tests score by the same rules
from feedback_scoring import Answer, Case, ask, ask_gold

from notthat.agent.edits import State
from notthat.agent.exclusions import parse_negative
from notthat.agent.interpreters import Interpreter
from notthat.agent.settings import Settings
from notthat.agent.studio import create_interpreter


def summary(answers: list[Answer]) -> dict[str, Any]:
    """The number of correct answers, in total and by kind, and milliseconds per utterance."""
    kinds: dict[str, list[bool]] = defaultdict(list)
    for answer in answers:
        kinds[answer.case.get("kind", "any")].append(answer.right)
    return {
        "cases": len(answers),
        "right": sum(answer.right for answer in answers),
        "kinds": {kind: {"cases": len(right), "right": sum(right)} for kind, right in kinds.items()},
        "milliseconds": milliseconds(answer.seconds for answer in answers),
        "processor_milliseconds": milliseconds(answer.processor for answer in answers),
    }


def milliseconds(seconds: Iterable[float]) -> dict[str, float]:
    """The median and the 95th percentile of the latency."""
    times = sorted(1000 * each for each in seconds)
    return {"median": statistics.median(times), "p95": times[int(0.95 * (len(times) - 1))], "max": times[-1]}


def long_cases() -> list[Case]:
    """Feedback of the maximum length, of every kind that may be slow."""
    texts = {
        "a story": "I like the light and the fox looks alive, but the scarf is too red for my taste. Take it out? ",
        "one clause": "the big red fox that i saw yesterday in the park with my mother and the dog of the neighbour ",
        "a list": "no fog, ",
        "typos": "backgruond wtaermark cartonish remvoe pepole ",
        "nonsense": "qzx zqk xjw vbz ",
        "no end of no": "no ",
        "a key": " ",
        "brackets": "(((",
        "quotes": "\"'",
    }
    prompts = {"a first prompt": "", "feedback": "a fox in the snow, wearing a scarf"}
    return [
        {"id": f"{name}, as {what}", "prompt": prompt, "negative": "fog, (text:1.3)", "feedback": (text * 4000)[:4000]}
        for name, text in texts.items()
        for what, prompt in prompts.items()
    ]


def chosen(name: str) -> Interpreter:
    """The interpreter with this name, as the settings create it, warmed up."""
    interpreter = create_interpreter(Settings.load(interpreter=name))
    interpreter.interpret("no hat", State(prompt="a man", negative=parse_negative(""), seed=0))
    return interpreter


def show(name: str, answers: list[Answer], failures: bool) -> None:
    """Print the results of one file and its failed cases."""
    figures = summary(answers)
    for answer in answers if failures else ():
        if not answer.right:
            print(f"{answer.case['id']} [{answer.case.get('kind', 'any')}] {answer.case['feedback']!r}")
            print(f"    of      {answer.case['prompt']!r} without {answer.case['negative']!r}")
            print(f"    wanted  {json.dumps(answer.case['edits'], ensure_ascii=False)}")
            print(f"    got     {json.dumps([edit.model_dump() for edit in answer.edits], ensure_ascii=False)}")
    print(f"{name}: {figures['right']}/{figures['cases']} = {figures['right'] / figures['cases']:.3f}")
    for kind, count in figures["kinds"].items():
        print(f"  {kind:<20} {count['right']:>3}/{count['cases']:<3} {count['right'] / count['cases']:.3f}")
    for what, key in (("an utterance takes", "milliseconds"), ("of the processor", "processor_milliseconds")):
        times = figures[key]
        print(f"  {what} {times['median']:.1f} ms (p95 {times['p95']:.1f}, at most {times['max']:.1f})")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--interpreter", choices=["offline", "llm", "gold"], default="offline")
    parser.add_argument("--failures", action="store_true", help="print each failed case")
    parser.add_argument("--long", action="store_true", help="also time feedback of the maximum length")
    parser.add_argument("--json", action="store_true", help="print one JSON object per file")
    args = parser.parse_args()
    interpreter = None if args.interpreter == "gold" else chosen(args.interpreter)
    for path in args.files:
        cases = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        answers = ask(interpreter, cases) if interpreter else ask_gold(cases)
        if args.json:
            wrong = [answer.case["id"] for answer in answers if not answer.right]
            print(json.dumps({"file": path.name, **summary(answers), "failures": wrong}, ensure_ascii=False))
        elif answers:
            show(path.name, answers, args.failures)
    if args.long and interpreter:
        for answer in ask(interpreter, long_cases()):
            print(f"4000 characters, {answer.case['id']}: {1000 * answer.processor:.0f} ms of the processor")


if __name__ == "__main__":
    main()
