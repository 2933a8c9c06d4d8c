"""The grammar: `prompts/grammar.toml`, compiled when it is first needed.

A rule lists ways to say something, each a template of one clause. In a template

    word        stands for itself, word? may be missing, (a|b c) is one of these, _ is any one word
    <class>     is one of the words of a class; `remove*` in a class is every form of the verb
    THING       is a stretch of words that the rule's act is given by that name
    not?        is where a negator may stand: then what is `denied` is done, not what is `means`
    ...         is anything or nothing
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from itertools import count
from typing import Any

from .lexicon import lexicon

_CAPTURES = {
    "COUNT": r"(?:\d{1,4}|<number>)",
    "WEIGHT": r"[0-2](?:\.\d+)?",
    "PART": r"[\w-]+",
    "NUMBER": r"(?:\d{1,2}|<number>|too many|extra|an extra|a third|a second|a sixth|a fourth|multiple|several)",
    "SIDE": r"(?:left|right)",
    "TINT": r"[\w-]+\s(?:cast|tint|tinge|hue)",
    "LINK": r"<link>",
    "CAMERA": r"<camera>",
    "COMPARATIVE": r"(?:more\s+[\w-].*?|(?:<very>\s+)?<comparable>(?:\s+[\w-]+){0,3}?)",
    "DOING": r"<doing>(?![\w'-])",
    "WHO": r"(?:we|you|i|he|she|they|it|this|there|<owner>\s[\w ]+?)",
    "VERB": r"(?:was|were|\w+ed|<past>)(?![\w'-])",
    "WHERE": r"<preposition>\s+\S.*?",
    "OWN": r"(?:<owner>)\s+\S.*?",
}


@dataclass(frozen=True)
class Reading:
    """A clause as a rule understood it."""

    clause: str
    rule: "Rule"
    denied: bool
    parts: Mapping[str, str]
    """The stretches of words that the template names."""

    @property
    def act(self) -> str:
        """The name of what is to be done."""
        return self.rule.denied if self.denied else self.rule.means

    def __getitem__(self, name: str) -> str:
        return self.parts.get(name, "")

    @property
    def thing(self) -> str:
        """The thing that is spoken of."""
        return self["THING"] or self["OWN"]

    def going_on_with(self, clause: str) -> "Reading | None":
        """The same said of what a bare clause names: "no cars and | people"; None when the rule names nothing."""
        name = next((name for name in ("THING", "QUALITY", "WHERE", "NEW", "REST") if self.parts.get(name)), None)
        return replace(self, clause=clause, parts={**self.parts, name: clause}) if name and self.rule.goes_on else None


@dataclass(frozen=True)
class Rule:
    """Ways to say one thing, and the names of the acts they ask for."""

    name: str
    means: str
    denied: str
    goes_on: bool
    patterns: tuple[re.Pattern[str], ...]

    def read(self, clause: str, negated: bool = False) -> Iterator[Reading]:
        """The clause as each template understands it; `negated` says that it stands under a "don't"."""
        for pattern in self.patterns:
            if match := pattern.match(f" {clause}"):
                found = [(name.partition("_")[0], text.strip()) for name, text in match.groupdict().items() if text]
                denials = sum(name == "NOT" for name, _ in found)
                yield Reading(clause, self, negated != bool(denials % 2), dict(found))


@dataclass(frozen=True)
class Grammar:
    """All rules in the order they are tried, and what may stand before a clause."""

    rules: tuple[Rule, ...]
    polite: re.Pattern[str]
    """A way to ask that says nothing itself: "could you", "I want you to"."""
    negators: re.Pattern[str]
    """What turns the clause it stands before into its opposite: "don't", "no need to"."""
    questions: re.Pattern[str]
    """How a question begins that only wants to know."""


@cache
def grammar() -> Grammar:
    """The one grammar."""
    text = resources.files("notthat.prompts").joinpath("grammar.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    words = {**lexicon().words, "camera": lexicon().camera, "past": lexicon().past, **data["classes"]}
    classes = {name: _either(forms) for name, forms in words.items()}
    rules = (
        Rule(
            name=name,
            means=rule["means"],
            denied=rule.get("denied", "decline"),
            goes_on=rule.get("goes_on", False),
            patterns=tuple(_compile(template, classes, end=r"\s*[?!.]*$") for template in rule["says"]),
        )
        for name, rule in data["rules"].items()
    )
    return Grammar(
        rules=tuple(rules),
        polite=_prefixes(data["polite"], classes),
        negators=_prefixes(data["negators"], classes),
        questions=_prefixes(data["questions"], classes),
    )


def _prefixes(data: Mapping[str, Any], classes: Mapping[str, str]) -> re.Pattern[str]:
    but_not = f"(?!{'|'.join(_source(template, classes) for template in data['but_not'])})" if data["but_not"] else ""
    sources = "|".join(_source(template, classes) for template in data["says"])
    return re.compile(rf"{but_not}(?:{sources})(?![\w'-])", re.IGNORECASE)


def _compile(template: str, classes: Mapping[str, str], end: str = "") -> re.Pattern[str]:
    return re.compile(_source(template, classes) + end, re.IGNORECASE)


def _source(template: str, classes: Mapping[str, str]) -> str:
    return "".join(_piece(token, classes) for token in _split(template, " ") if token)


_numbers = count()
"""A part may be named more than once in a pattern: THING_4, THING_7."""


def _piece(token: str, classes: Mapping[str, str]) -> str:
    optional = token.endswith("?") and token != "?"
    token = token.removesuffix("?")
    if token == "...":
        return r"(?:\s.*?)?"
    if token == "not" and optional:
        return rf"(?:\s+(?P<NOT_{next(_numbers)}>{classes['not']}))?"
    if token.isalpha() and token.isupper():
        source = re.sub(r"<(\w+)>", lambda match: classes[match[1]], _CAPTURES.get(token, r"\S.*?"))
        piece = rf"\s+(?P<{token}_{next(_numbers)}>{source})"
    elif token.startswith("<"):
        piece = rf"\s+{classes[token[1:-1]]}(?![\w'-])"
    elif token.startswith("("):
        choices = "|".join(_source(part, classes) for part in _split(token[1:-1], "|"))
        piece = f"(?:{choices})"
    else:
        piece = r"\s+" + (r"[\w'-]+" if token == "_" else re.escape(token) + r"(?![\w'-])")
    return f"(?:{piece})?" if optional else piece


def _split(text: str, separator: str) -> Iterator[str]:
    """The parts between separators that stand in no bracket."""
    depth = start = 0
    for at, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == separator and depth == 0:
            yield text[start:at]
            start = at + 1
    yield text[start:]


def _either(words: Any) -> str:
    """Any of the words, the longest first; a verb with a star in all its forms."""
    forms = {form for word in words for form in (inflected(word) if "*" in word else [word])}
    ordered = sorted(forms, key=len, reverse=True)
    return "(?:" + "|".join(re.escape(form).replace(r"\ ", r"\s+").replace("_", r"[\w'-]+") for form in ordered) + ")"


def inflected(verb: str) -> list[str]:
    """ "drop*" -> drop, drops, dropped, dropping; "get* rid of" likewise."""
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
