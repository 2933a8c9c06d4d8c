"""What a judge can tell on pictures of mini's world: precision, recall and open answers, by attribute.

    python benchmarks/judges.py [--judge NAME] [--count 600] [--json]

The pictures are rendered portraits that no judge was trained on, as rendered and after mini's autoencoder, which is the
best that mini could draw. Precision and recall are of the answers "there"; an answer "unknown" counts as not "there".
`wrong` is the share of pictures with a wrong answer, `unknown` the share without an answer. The time is that of all
terms in one picture, once the judge is loaded.
"""

import argparse
import json
import time

import numpy as np
from judge import ATTRIBUTES, Pixels, Verdicts, held_out, through_the_autoencoder
from PIL import Image
from rates import print_table

from notthat.agent.judges import Judge, Presence
from notthat.agent.judges.loading import load_judge
from notthat.agent.settings import Settings
from notthat.agent.studio import create_client
from notthat.generation.model_catalog import locate_model


def measure(judge: Judge, pixels: Pixels, true: Verdicts) -> dict[str, dict[str, float]]:
    """The rates of each attribute that the judge can tell. `pixels` has shape (count, height, width, 3)."""
    pictures = [Image.fromarray(each) for each in pixels]
    found: dict[str, list[str]] = {}
    for picture in pictures:
        for name in ATTRIBUTES:
            presence: Presence | None = judge.is_present(picture, name)
            if presence is not None:
                found.setdefault(name, []).append(judge.thresholds.verdict(presence.probability))
    return {
        name: _rates(np.array(verdicts), true[:, ATTRIBUTES.index(name)])
        for name, verdicts in found.items()
        if len(verdicts) == len(pictures)
    }


def _rates(verdicts: "np.ndarray[tuple[int], np.dtype[np.str_]]", true: Verdicts) -> dict[str, float]:
    there, gone = verdicts == "there", verdicts == "gone"
    right = float((there & true).sum())
    return {
        "precision": right / max(1.0, float(there.sum())),
        "recall": right / max(1.0, float(true.sum())),
        "wrong": float(((there & ~true) | (gone & true)).mean()),
        "unknown": float((verdicts == "unknown").mean()),
    }


def main() -> None:
    """Render, judge and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judge", default="mini", help="mini, llm, a hub id or a folder")
    parser.add_argument("--count", type=int, default=600, help="pictures of each form")
    parser.add_argument("--json", action="store_true", help="print a line of JSON at the end")
    args = parser.parse_args()
    settings = Settings.load()
    judge = load_judge(args.judge, create_client=lambda: create_client(settings))
    pixels, true = held_out(args.count)
    results = {"rendered": measure(judge, pixels, true)}
    started = time.process_time()
    results["decoded"] = measure(judge, through_the_autoencoder(pixels, locate_model("mini")), true)
    seconds = (time.process_time() - started) / args.count
    print(f"\nThe judge {judge.name} on {args.count} held-out portraits")
    columns = ("precision", "recall", "wrong", "unknown")
    for form, rates in results.items():
        rows = [[name, *(f"{100 * values[column]:.1f} %" for column in columns)] for name, values in rates.items()]
        print_table([form, *columns], rows)
    told = [name for name in ATTRIBUTES if name not in results["decoded"]]
    print(f"\nCan't tell: {', '.join(told) or 'none'}")
    print(f"Processor time for a picture, the autoencoder's round trip included: {1000 * seconds:.0f} ms")
    if args.json:
        print(json.dumps({"judge": judge.name, "count": args.count, **results}))


if __name__ == "__main__":
    main()
