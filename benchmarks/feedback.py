"""How well interpreters understand feedback: accuracy by kind, changes that nobody asked for, questions, latency.

    python benchmarks/feedback.py FILE [FILE ...] [--interpreter offline|llm|local|auto|gold ...] [--every N]
        [--failures] [--long] [--json]

Several interpreters are measured one after the other. The settings (`OPENAI_BASE_URL`, `NOTTHAT_LLM`) choose their
language model. `gold` is the LLM interpreter with a server on loopback that returns the correct answers: its errors are
errors between the model's answer and the edits.

Each line of a FILE is one case in JSON; `tests/support/feedback_scoring.py` defines its fields and the scoring:

- exact: the edits are those of the case. A question that offers these edits counts half.
- wrong: at least one edit is made that no label of the case allows.
- asked: the interpreter asks a question instead of making edits.
- fallback: the language model failed, and the rules read the words.

Latency is given as wall-clock time and as processor time of this process, which a busy machine does not change.
`--long` also measures feedback of the maximum length, such as a held-down key, a list of hundreds of terms, or one
endless clause.
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
from feedback_scoring import Answer, Case, ask, ask_gold, state_of

from notthat.agent.interpreters import Interpreter
from notthat.agent.settings import Settings
from notthat.agent.studio import create_interpreter
from notthat.errors import NotthatError

INTERPRETERS = ["offline", "llm", "local", "auto", "gold"]
WARM_UP: Case = {"prompt": "a man", "negative": "", "feedback": "no hat"}


def summary(answers: list[Answer]) -> dict[str, Any]:
    """The figures of one interpreter on one file, in total and by kind, and milliseconds per utterance."""
    kinds: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        kinds[answer.case.get("kind", "any")].append(answer)
    return {
        **counts(answers),
        "kinds": {kind: counts(of_kind) for kind, of_kind in kinds.items()},
        "milliseconds": milliseconds(answer.seconds for answer in answers),
        "processor_milliseconds": milliseconds(answer.processor for answer in answers),
    }


def counts(answers: list[Answer]) -> dict[str, float]:
    """How many answers are exact (questions count half), wrong, questions and fallbacks."""
    return {
        "cases": len(answers),
        "exact": sum(answer.score for answer in answers),
        "wrong": sum(bool(answer.wrong_edits) for answer in answers),
        "asked": sum(answer.interpretation.question is not None for answer in answers),
        "fallback": sum(answer.interpretation.fallback for answer in answers),
    }


def milliseconds(seconds: Iterable[float]) -> dict[str, float]:
    """The median and high percentiles of the latency."""
    times = sorted(1000 * each for each in seconds)
    percentiles = {f"p{percent}": times[int(percent / 100 * (len(times) - 1))] for percent in (95, 99)}
    return {"median": statistics.median(times), **percentiles, "max": times[-1]}


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


def create(name: str) -> Interpreter:
    """The interpreter with this name, as the settings create it, warmed up."""
    interpreter = create_interpreter(Settings.load(interpreter=name))
    interpreter.interpret(WARM_UP["feedback"], state_of(WARM_UP))
    return interpreter


def read_cases(path: Path, every: int) -> list[Case]:
    """Every so many-th case of a file."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [json.loads(line) for line in lines[::every]]


def show_failures(answers: list[Answer]) -> None:
    """Print each case that is not exact."""
    for answer in answers:
        if answer.right:
            continue
        interpretation = answer.interpretation
        print(f"{answer.case['id']} [{answer.case.get('kind', 'any')}] {answer.case['feedback']!r}")
        print(f"    of      {answer.case['prompt']!r} without {answer.case['negative']!r}")
        print(f"    wanted  {json.dumps(answer.case['edits'], ensure_ascii=False)}")
        print(f"    got     {json.dumps([edit.model_dump() for edit in answer.edits], ensure_ascii=False)}")
        if interpretation.question is not None:
            print(f"    asked   {interpretation.question.model_dump_json()}")
        if interpretation.fallback:
            print(f"    reply   {interpretation.reply}")


def show(name: str, figures: dict[str, Any]) -> None:
    """Print the figures of one interpreter on one file."""
    print(f"{name:<22} {'cases':>6} {'exact':>6} {'share':>6} {'wrong':>6} {'asked':>6} {'fallback':>8}")
    for kind, row in [*figures["kinds"].items(), ("all", figures)]:
        share = row["exact"] / row["cases"]
        print(
            f"  {kind:<20} {row['cases']:>6} {row['exact']:>6g} {share:>6.3f} {row['wrong']:>6} {row['asked']:>6}"
            f" {row['fallback']:>8}"
        )
    for what, key in (("an utterance takes", "milliseconds"), ("of the processor", "processor_milliseconds")):
        times = figures[key]
        print(
            f"  {what} {times['median']:.1f} ms"
            f" (p95 {times['p95']:.1f}, p99 {times['p99']:.1f}, at most {times['max']:.1f})"
        )


def report(path: Path, name: str, answers: list[Answer], args: argparse.Namespace) -> None:
    """Print the results of one interpreter on one file."""
    figures = summary(answers)
    if args.json:
        lists = {
            "failures": [answer.case["id"] for answer in answers if not answer.right],
            "wrong_changes": [answer.case["id"] for answer in answers if answer.wrong_edits],
        }
        print(json.dumps({"file": path.name, "interpreter": name, **figures, **lists}, ensure_ascii=False), flush=True)
        return
    if args.failures:
        show_failures(answers)
    show(f"{path.name}, {name}", figures)


def parse_arguments() -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--interpreter", choices=INTERPRETERS, nargs="+", default=["offline"])
    parser.add_argument("--every", type=int, default=1, metavar="N", help="use only every N-th case")
    parser.add_argument("--failures", action="store_true", help="print each failed case")
    parser.add_argument("--long", action="store_true", help="also time feedback of the maximum length")
    parser.add_argument("--json", action="store_true", help="print one JSON object per file and interpreter")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    args = parse_arguments()
    for name in args.interpreter:
        try:
            interpreter = None if name == "gold" else create(name)
        except NotthatError as error:
            sys.exit(f"{name}: {error}")
        for path in args.files:
            cases = read_cases(path, args.every)
            if cases:
                report(path, name, ask(interpreter, cases) if interpreter else ask_gold(cases), args)
        if args.long and interpreter:
            for answer in ask(interpreter, long_cases()):
                print(f"4000 characters, {answer.case['id']}: {1000 * answer.processor:.0f} ms of the processor")


if __name__ == "__main__":
    main()
