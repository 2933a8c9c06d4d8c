"""Templates: ways to say something in one clause, matched word by word.

word        stands for itself; word? may be missing; (a|b c) is one of these; _ is any one word
<class>     is one of the words, or runs of words, of a class
THING       is a stretch of words that is reported by that name; some names ask for certain words
not?        is where a negator may stand, reported as NOT
...         is anything or nothing
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

_NAMED = {
    "COUNT": "(<digits>|<number>)",
    "WEIGHT": "<decimal>",
    "NUMBER": "(<digits>|<number>|too many|extra|an extra|a? (second|third|fourth|sixth|seventh)|multiple|several)",
    "SIDE": "(left|right)",
    "PART": "_",
    "TINT": "_ (cast|tint|tinge|hue)",
    "WHERE": "<preposition> SOME",
    "OWN": "<owner> SOME",
    "LINK": "<link>",
    "CAMERA": "<camera>",
    "COMPARATIVE": "(more SOME|<very>? <comparable> _? _? _?)",
    "DOING": "<doing>",
    "WHO": "(we|you|i|he|she|they|it|this|there|<owner> SOME)",
    "VERB": "(was|were|<past>|<regular_past>)",
    "NOT": "<not>",
}
"""What a named stretch consists of, where that isn't any words at all."""


@dataclass(eq=False)
class _Node:
    """One step of a template and the steps that may follow, the preferred one first."""

    kind: str
    value: str = ""
    after: "list[_Node]" = field(default_factory=list)


@dataclass(frozen=True)
class Found:
    """Where a template matched up to, and the stretches that it names, in order."""

    end: int
    named: tuple[tuple[str, str], ...]


class Words:
    """A clause cut into words, with what class each run of them is of."""

    def __init__(self, clause: str, classes: "Classes") -> None:
        self.words = clause.split()
        self.lower = [word.lower() for word in self.words]
        self.runs = classes.runs(self.lower)
        self.signs = frozenset(self.lower) | {f"<{name}>" for name, _ in self.runs}
        """What a template may need to be there: words, and classes in their brackets."""

    def between(self, start: int, end: int) -> str:
        """The words from `start` up to `end`, as they were typed."""
        return " ".join(self.words[start:end])


class Classes:
    """Words by their classes, and classes by their words."""

    def __init__(self, classes: Mapping[str, Collection[str]]) -> None:
        self._of: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for name, runs in classes.items():
            for form in {form for run in runs for form in (inflected(run) if "*" in run else [run])}:
                self._of[tuple(form.lower().split())].append(name)
        self._longest = max(map(len, self._of), default=0)

    def runs(self, words: list[str]) -> dict[tuple[str, int], list[int]]:
        """Where runs of a class that begin at a word end, the longest first: (class, start) -> ends."""
        found: dict[tuple[str, int], list[int]] = defaultdict(list)
        for start in range(len(words)):
            for end in range(min(len(words), start + self._longest), start, -1):
                run = tuple(words[start:end])
                names = self._of.get(run, []) + (self._of.get((run[0], "_"), []) if len(run) == 2 else [])
                for name in names:
                    found[name, start].append(end)
            for name, shape in _SHAPES.items():
                if shape.fullmatch(words[start]):
                    found[name, start].append(start + 1)
        return found


_SHAPES = {
    "digits": re.compile(r"\d{1,4}"),
    "decimal": re.compile(r"[0-2](?:\.\d+)?"),
    "regular_past": re.compile(r"[a-z]+ed"),
}


class Template:
    """One way to say something; `whole` when nothing may follow."""

    def __init__(self, text: str, *, whole: bool = True) -> None:
        self._whole = whole
        self._end = _Node("end")
        self._start = _Node("start", after=_entries(text, [self._end]))
        self._needs = tuple(_needs(text))

    def match(self, said: Words) -> Found | None:
        """The first way the words are read as this, short stretches before long ones."""
        if any(signs.isdisjoint(said.signs) for signs in self._needs):
            return None
        dead: set[tuple[int, int]] = set()
        total = len(said.words)

        def ends(node: _Node, at: int) -> Collection[int]:
            match node.kind:
                case "start" | "open" | "close":
                    return (at,)
                case "word":
                    return (at + 1,) if at < total and said.lower[at] == node.value else ()
                case "any":
                    return (at + 1,) if at < total else ()
                case "class":
                    return said.runs.get((node.value, at), ())
                case "some":
                    return range(at + 1, total + 1)
                case _:  # "..."
                    return range(at, total + 1)

        def walk(node: _Node, at: int) -> list[tuple[str, int, str]] | None:
            if node is self._end:
                return [("end", at, "")] if at == total or not self._whole else None
            if (id(node), at) in dead:
                return None
            for end in ends(node, at):
                for following in node.after:
                    if (path := walk(following, end)) is not None:
                        return [(node.kind, at, node.value), *path] if node.value and node.kind in _MARKS else path
            dead.add((id(node), at))
            return None

        path = walk(self._start, 0)
        return None if path is None else _found(path, said)


_MARKS = frozenset({"open", "close"})


def _found(path: list[tuple[str, int, str]], said: Words) -> Found:
    opened: dict[str, int] = {}
    named = []
    for kind, at, name in path[:-1]:
        if kind == "open":
            opened[name] = at
        else:
            named.append((name, said.between(opened[name], at)))
    return Found(path[-1][1], tuple(named))


def _entries(text: str, after: list[_Node]) -> list[_Node]:
    """Where the steps of a text begin, given the steps that come after it."""
    for token in reversed([token for token in _split(text, " ") if token]):
        optional = token.endswith("?")
        entries = _steps(token.removesuffix("?") if token != "not?" else "NOT", after)
        after = [*entries, *after] if optional else entries
    return after


def _steps(token: str, after: list[_Node]) -> list[_Node]:
    if token == "...":
        return [_Node("gap", after=after)]
    if token == "_":
        return [_Node("any", after=after)]
    if token == "SOME":
        return [_Node("some", after=after)]
    if token.isalpha() and token.isupper():
        close = _Node("close", token, after)
        return [_Node("open", token, _entries(_NAMED.get(token, "SOME"), [close]))]
    if token.startswith("<"):
        return [_Node("class", token[1:-1], after)]
    if token.startswith("("):
        return [entry for choice in _split(token[1:-1], "|") for entry in _entries(choice, after)]
    return [_Node("word", token.lower(), after)]


def _needs(text: str) -> Iterator[frozenset[str]]:
    """Signs of which each set must have one in the clause for the template to match at all."""
    for token in _split(text, " "):
        if not token or token.endswith("?") or token in {"...", "_", "SOME"}:
            continue
        if token.isalpha() and token.isupper():
            yield from _needs(_NAMED.get(token, "SOME"))
        elif token.startswith("("):
            firsts = [next(_needs(choice), None) for choice in _split(token[1:-1], "|")]
            if None not in firsts:
                yield frozenset().union(*filter(None, firsts))
        else:
            yield frozenset({token.lower() if not token.startswith("<") else token})


def _split(text: str, separator: str) -> Iterator[str]:
    """The parts between separators that stand in no bracket."""
    depth = start = 0
    for at, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == separator and depth == 0:
            yield text[start:at]
            start = at + 1
    yield text[start:]


def inflected(verb: str) -> list[str]:
    """ "drop*" -> drop, drops, dropped, dropping; "edit* out" likewise."""
    stem, _, rest = verb.partition("*")
    return [form + rest for form in (stem, _third(stem), past(stem), gerund(stem))]


def _third(verb: str) -> str:
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ies"
    return verb + ("es" if re.search(r"(?:s|x|z|ch|sh|o)$", verb) else "s")


def past(verb: str) -> str:
    """ "drop" -> "dropped"; only of regular verbs."""
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ied"
    return _doubled(verb) + ("d" if verb.endswith("e") else "ed")


def gerund(verb: str) -> str:
    """ "smile" -> "smiling", "sit" -> "sitting"."""
    if verb.endswith("ing") and len(verb) > 5:
        return verb
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")):
        return verb[:-1] + "ing"
    return _doubled(verb) + "ing"


def _doubled(verb: str) -> str:
    return verb + (verb[-1] if re.fullmatch(r"[^aeiou]*[aeiou][bdgmnprt]", verb) else "")
