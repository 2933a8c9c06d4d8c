"""Several judges together: each term goes to the first that can tell it, and failures become `unknown`."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .base import UNKNOWN, Finding, Judge, JudgeError

if TYPE_CHECKING:
    from PIL.Image import Image

LoadJudge = Callable[[str], Judge]


@dataclass(frozen=True)
class Findings:
    """A finding for each term, and a line for each judge that could not be used or did not answer."""

    by_term: Mapping[str, Finding]
    failures: tuple[str, ...] = ()


class JudgePanel:
    """Judges in order of preference, which are loaded with the first picture.

    `timeout` is the time for one picture in seconds. A judge that fails is unloaded, and tried again with the next
    picture.
    """

    def __init__(self, names: Sequence[str], load: LoadJudge, *, timeout: float) -> None:
        self.names = tuple(names)
        self._load, self._timeout = load, timeout
        self._judges: dict[str, Judge] = {}

    def judge(self, picture: "Image", terms: Iterable[str]) -> Findings:
        """What the judges find of each term in a picture. Never raises an error."""
        findings, failures = dict.fromkeys(terms, UNKNOWN), list[str]()
        worker = threading.Thread(target=self._ask_all, args=(picture, findings, failures), daemon=True)
        worker.start()
        worker.join(self._timeout)
        if worker.is_alive():
            late = f"the judge {' and '.join(self.names)} gave no answer within {self._timeout:g} seconds"
            return Findings(dict(findings), (*failures, late))
        return Findings(findings, tuple(failures))

    def unload(self) -> bool:
        """Free the memory of all judges until the next picture; False if none was loaded."""
        loaded = list(self._judges.values())
        self._judges.clear()
        for judge in loaded:
            judge.unload()
        return bool(loaded)

    def _ask_all(self, picture: "Image", findings: dict[str, Finding], failures: list[str]) -> None:
        for name in self.names:
            try:
                self._ask(name, picture, findings)
            except JudgeError as error:
                failures.append(str(error))
            except Exception as error:  # from a judge of another program: the turn stands, whatever it does
                failures.append(f"the judge {name} failed ({type(error).__name__})")
            else:
                continue
            with suppress(Exception):
                self._judges.pop(name).unload()

    def _ask(self, name: str, picture: "Image", findings: dict[str, Finding]) -> None:
        """Replace the findings that are still unknown, where this judge can tell the term."""
        unknown = [term for term, finding in findings.items() if finding.verdict == "unknown"]
        if unknown and name not in self._judges:
            self._judges[name] = self._load(name)
        for term in unknown:
            judge = self._judges[name]
            presence = judge.is_present(picture, term)
            if presence is not None:
                verdict = judge.thresholds.verdict(presence.probability)
                findings[term] = Finding(verdict, judge.name, round(presence.probability, 4), presence.region)
