"""What plain and found pictures of mini show: the rate of each attribute, and the share without any fault or overlay.

    python benchmarks/origins.py [--seeds 200]

The prompts are "portrait of a man", then a woman, then a child, and "found portrait of a man" and so on. Nothing is
excluded. The judge is that of `exclusion.py`. Rates have 95 % Wilson intervals.
"""

import argparse
import os
from pathlib import Path

import numpy as np
from drawing import Drawer, bare
from judge import ATTRIBUTES, KINDS, Judge
from rates import Rate, print_table

UNWANTED = (*KINDS["overlays"], *KINDS["faults"])
EXAMPLES = {"plain": "hat", "found": "watermark"}
"""An attribute that the pictures of each origin are asked about."""


def main() -> None:
    """Draw, judge and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=200, help="pictures of each origin")
    parser.add_argument("--keep", type=Path, help="folder to cache drawn pictures in")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="number of drawing processes")
    args = parser.parse_args()
    judge, drawer = Judge.load(), Drawer(args.jobs, args.keep)
    seen = {}
    for origin, name in EXAMPLES.items():
        requests = [drawer.request(seed, bare(seed, name)) for seed in range(args.seeds)]
        seen[origin] = judge.verdicts(drawer.draw(requests, origin))
    columns = [seen[origin] for origin in EXAMPLES]
    rows = [
        [name, *(str(Rate(int(found[:, k].sum()), len(found))) for found in columns)]
        for k, name in enumerate(ATTRIBUTES)
    ]
    print_table(["", *EXAMPLES], rows)
    unwanted = [ATTRIBUTES.index(name) for name in UNWANTED]
    clean = [Rate(int(np.sum(~found[:, unwanted].any(1))), len(found)) for found in columns]
    print_table(["without any fault or overlay", *EXAMPLES], [["", *map(str, clean)]])


if __name__ == "__main__":
    main()
