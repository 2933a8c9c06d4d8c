"""Templates: phrasings of a clause, matched word by word.

word        matches itself; word? is optional; (a|b c) is one of these; _ is any one word
<class>     matches a word, or a run of words, of a class
THING       captures words under that name; some names only capture certain words
not?        is an optional negator, captured as NOT
...         matches any number of words
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ...language.morphology import inflect

_SOME_WORD, _NO_WORD = frozenset({" word"}), frozenset({" end"})
"""Signs of a position that holds a word, and of the position after the last word. Words contain no spaces."""
_NAMED = {
    "COUNT": "(<digits>|<number>)",
    "WEIGHT": "<decimal>",
    "NUMBER": "(<digits>|<number>|too many|extra|an extra|a? (second|third|fourth|sixth|seventh)|multiple|several)",
    "SIDE": "(left|right)",
    "PART": "_",
    "TINT": "_ (cast|tint|tinge|hue)",
    "WHERE": "<preposition> SOME",
    "OWN": "<owner> SOME",
    "CAMERA": "<camera>",
    "COMPARATIVE": "((way|much|far|even|a bit|a lot)? more SOME|<very>? (<comparable>|<comparative>) _? _? _?)",
    "WHOM": (
        "(<they>|<owner> _|<owner> _ _|<owner> _ (on|in|at|behind|near) <owner> _"
        "|(a|an|one|some|two) _ _? ((on|in|at|behind|near) <owner> _)?"
        "|(one|some|two|half|most|all|both|each) of? <owner> _ _?|someone|somebody|everyone|everybody)"
    ),
    "DOING": "<doing>",
    "NOT": "<not>",
}
"""What a capture consists of, for names that don't capture arbitrary words."""


@dataclass(eq=False)
class _Node:
    """One step of a template, and the steps that can follow, the preferred one first."""

    kind: str
    value: str = ""
    after: "list[_Node]" = field(default_factory=list)

    @cached_property
    def starts(self) -> frozenset[str] | None:
        """Signs of which a position must have at least one for this step to match there. None for any position."""
        match self.kind:
            case "word":
                return frozenset({self.value})
            case "class":
                return frozenset({f"<{self.value}>"})
            case "any" | "some":
                return _SOME_WORD
            case "end":
                return _NO_WORD if self.value else None
            case "gap":
                return None
        followed = [node.starts for node in self.after]
        return None if None in followed else frozenset[str]().union(*filter(None, followed))


@dataclass(frozen=True)
class TemplateMatch:
    """Where a match ends, and the captured words by name, in order."""

    end: int
    captures: tuple[tuple[str, str], ...]


class Words:
    """A clause as words, and the classes of each run of words."""

    def __init__(self, clause: str, classes: "Classes") -> None:
        self.words = clause.split()
        self.lower = [word.lower() for word in self.words]
        self.runs = classes.find_runs(self.lower)
        self.signs = frozenset(self.lower) | {f"<{name}>" for name, _ in self.runs}
        """Signs that templates require: words, and class names in angle brackets."""
        self.places = [{*_SOME_WORD, word} for word in self.lower] + [set(_NO_WORD)]
        """The signs of each position, and of the end."""
        for name, start in self.runs:
            self.places[start].add(f"<{name}>")

    def between(self, start: int, end: int) -> str:
        """The words from `start` up to `end`, in their original spelling."""
        return " ".join(self.words[start:end])


class Classes:
    """Runs of words -> their classes."""

    def __init__(self, classes: Mapping[str, Collection[str]]) -> None:
        self._classes_by_run: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for name, runs in classes.items():
            for form in {form for run in runs for form in (inflect(run) if "*" in run else [run])}:
                self._classes_by_run[tuple(form.lower().split())].append(name)
        self._longest = max(map(len, self._classes_by_run), default=0)

    def find_runs(self, words: list[str]) -> dict[tuple[str, int], list[int]]:
        """All class runs: (class, start) -> ends, the longest first."""
        found: dict[tuple[str, int], list[int]] = defaultdict(list)
        for start in range(len(words)):
            for end in range(min(len(words), start + self._longest), start, -1):
                run = tuple(words[start:end])
                names = self._classes_by_run.get(run, []) + (
                    self._classes_by_run.get((run[0], *"_" * (len(run) - 1)), []) if len(run) > 1 else []
                )
                for name in names:
                    found[name, start].append(end)
            for name, shape in _SHAPES.items():
                if shape.fullmatch(words[start]):
                    found[name, start].append(start + 1)
        return found


_SHAPES = {
    "digits": re.compile(r"\d{1,4}"),
    "decimal": re.compile(r"[0-2](?:\.\d+)?"),
    "comparative": re.compile(
        r"(?!(?:sold|front|barr|carr|cour|glac|cash|prem|terr|cav|p|t|br|chandel)ier)[a-z]{3,}ier"
    ),
    "gerund": re.compile(r"(?!nothing|anything|something|everything|during)[a-z]{2,}ing"),
    "letter": re.compile(r"[a-z]"),
    "year": re.compile(r"\d{3,4}s?|'?\d\ds"),
    "regular_past": re.compile(r"[a-z]+ed"),
}


class Template:
    """One phrasing. With `whole`, nothing may follow it."""

    def __init__(self, text: str, *, whole: bool = True) -> None:
        self._start = _Node("start", after=_parse_entries(text, [_Node("end", "whole" if whole else "")]))
        self.required_signs = tuple(_required_words(text))
        """Sets of signs: a clause that lacks all signs of one set can't match."""

    def match(self, words: Words) -> TemplateMatch | None:
        """The first match, with short captures preferred over long ones."""
        if any(signs.isdisjoint(words.signs) for signs in self.required_signs):
            return None
        path = _Match(words).find_path(self._start, 0)
        return None if path is None else _build_match(path, words)


class _Match:
    """A depth-first search over a template's steps and a clause's words, which remembers dead ends."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._dead_ends: set[tuple[int, int]] = set()

    def find_path(self, node: _Node, position: int) -> "list[tuple[str, int, str]] | None":
        """The captures between a step at a position and the end of the template. None if the template doesn't match."""
        if node.kind == "end":
            return [("end", position, "")]
        if (id(node), position) in self._dead_ends:
            return None
        for end in self._find_ends(node, position):
            for following in node.after:
                if following.starts is not None and following.starts.isdisjoint(self._words.places[end]):
                    continue
                if (path := self.find_path(following, end)) is not None:
                    return [(node.kind, position, node.value), *path] if node.value and node.kind in _MARKS else path
        self._dead_ends.add((id(node), position))
        return None

    def _find_ends(self, node: _Node, position: int) -> Collection[int]:
        """The positions that a step at a position can lead to."""
        total = len(self._words.words)
        match node.kind:
            case "start" | "open" | "close":
                return (position,)
            case "word":
                return (position + 1,) if position < total and self._words.lower[position] == node.value else ()
            case "any":
                return (position + 1,) if position < total else ()
            case "class":
                return self._words.runs.get((node.value, position), ())
            case "some":
                return range(position + 1, total + 1)
            case _:  # "..."
                return range(position, total + 1)


_MARKS = frozenset({"open", "close"})


class Templates:
    """Ordered templates, indexed by a required sign, so that few of them are tried on a clause."""

    def __init__(self, templates: Iterable[Template]) -> None:
        self._templates = tuple(templates)
        self._unindexed: list[int] = []
        self._by_sign: dict[str, list[int]] = defaultdict(list)
        for index, template in enumerate(self._templates):
            if not template.required_signs:
                self._unindexed.append(index)
            for sign in min(template.required_signs, key=len, default=()):
                self._by_sign[sign].append(index)

    def iterate_matches(self, words: Words) -> Iterator[tuple[int, TemplateMatch]]:
        """The index of each template that matches, and its match."""
        candidates = {*self._unindexed, *(index for sign in words.signs for index in self._by_sign.get(sign, ()))}
        for index in sorted(candidates):
            if found := self._templates[index].match(words):
                yield index, found

    def match_first(self, words: Words) -> TemplateMatch | None:
        return next((found for _, found in self.iterate_matches(words)), None)


def _build_match(path: list[tuple[str, int, str]], words: Words) -> TemplateMatch:
    opened: dict[str, int] = {}
    captures = []
    for kind, at, name in path[:-1]:
        if kind == "open":
            opened[name] = at
        else:
            captures.append((name, words.between(opened[name], at)))
    return TemplateMatch(path[-1][1], tuple(captures))


def _parse_entries(text: str, after: list[_Node]) -> list[_Node]:
    """The first steps of a text, linked to the steps that come after it."""
    for token in reversed([token for token in _split(text, " ") if token]):
        optional = token.endswith("?")
        entries = _parse_token(token.removesuffix("?") if token != "not?" else "NOT", after)
        after = [*entries, *after] if optional else entries
    return after


def _parse_token(token: str, after: list[_Node]) -> list[_Node]:
    if token == "...":
        return [_Node("gap", after=after)]
    if token == "_":
        return [_Node("any", after=after)]
    if token == "SOME":
        return [_Node("some", after=after)]
    if token.isalpha() and token.isupper():
        close = _Node("close", token, after)
        return [_Node("open", token, _parse_entries(_NAMED.get(token, "SOME"), [close]))]
    if token.startswith("<"):
        return [_Node("class", token[1:-1], after)]
    if token.startswith("("):
        return [entry for choice in _split(token[1:-1], "|") for entry in _parse_entries(choice, after)]
    return [_Node("word", token.lower(), after)]


def _required_words(text: str) -> Iterator[frozenset[str]]:
    """Sets of signs: the clause must have at least one sign of each set for the template to match."""
    for token in _split(text, " "):
        if not token or token.endswith("?") or token in {"...", "_", "SOME"}:
            continue
        if token.isalpha() and token.isupper():
            yield from _required_words(_NAMED.get(token, "SOME"))
        elif token.startswith("("):
            first_signs = [next(_required_words(choice), None) for choice in _split(token[1:-1], "|")]
            if None not in first_signs:
                yield frozenset().union(*filter(None, first_signs))
        else:
            yield frozenset({token.lower() if not token.startswith("<") else token})


def _split(text: str, separator: str) -> Iterator[str]:
    """The parts between separators outside parentheses."""
    depth = start = 0
    for at, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == separator and depth == 0:
            yield text[start:at]
            start = at + 1
    yield text[start:]
