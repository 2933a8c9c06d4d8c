"""The grammar: the files of `prompts/grammar`, read once when it is first needed; rules are tried in their order."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from typing import Any

from ...language.lexicon import load_lexicon
from ...language.morphology import inflect
from ...language.toml_tables import read_tables, read_texts
from .templates import Classes, Template, Templates, Words


@dataclass(frozen=True)
class Rule:
    """Ways to say one thing, and the names of the acts they ask for."""

    name: str
    means: str
    denied: str
    goes_on: bool
    """Whether it is also said of a bare thing that follows: "no cars and | people"."""
    bare: bool
    """Whether it is only one word for a wish or a fault, and gives way to what goes on."""
    templates: tuple[Template, ...]


@dataclass(frozen=True)
class RuleMatch:
    """A clause as a rule understood it."""

    clause: str
    rule: Rule
    denied: bool
    """Whether the clause says the opposite: it holds, or stands under, a negator."""
    parts: Mapping[str, str]
    """The stretches of words that the template names."""

    @property
    def action(self) -> str:
        """The name of what is to be done."""
        return self.rule.denied if self.denied else self.rule.means

    def __getitem__(self, name: str) -> str:
        return self.parts.get(name, "")

    @property
    def thing(self) -> str:
        """The thing that is spoken of."""
        return self["THING"] or self["OWN"]

    def continue_with(self, clause: str) -> "RuleMatch | None":
        """The same said of what a bare clause names: "no cars and | people"; None when the rule doesn't go on."""
        name = next((name for name in ("THING", "QUALITY", "WHERE", "NEW", "REST") if self.parts.get(name)), None)
        return replace(self, clause=clause, parts={**self.parts, name: clause}) if name and self.rule.goes_on else None


@dataclass(frozen=True)
class Prefix:
    """What may begin a clause without being what it says."""

    says: Templates
    but_not: Templates

    def length(self, words: Words) -> int:
        """How many words of the clause it takes up; 0 where it doesn't begin so."""
        found = self.says.match_first(words)
        return 0 if found is None or self.but_not.match_first(words) else found.end


@dataclass(frozen=True)
class Grammar:
    """All rules in the order they are tried, and what may stand before a clause."""

    classes: Classes
    rules: tuple[Rule, ...]
    polite: Prefix
    """A way to ask that says nothing itself: "could you", "I want you to"."""
    negators: Prefix
    """What turns the clause it stands before into its opposite: "don't", "no need to"."""
    questions: Prefix
    """How a question begins that only wants to know."""

    def match_rules(self, clause: str, negated: bool = False) -> Iterator[RuleMatch]:
        """The clause as each template understands it; `negated` says that it stands under a "don't"."""
        said = self.words(clause)
        for index, found in self._templates.iterate_matches(said):
            denials = sum(name == "NOT" for name, _ in found.named)
            yield RuleMatch(clause, self._rules_by_template[index], negated != bool(denials % 2), dict(found.named))

    def words(self, clause: str) -> Words:
        """The clause as its words, remembered for a while: it is looked at from several sides."""
        return self._words(clause)

    @cached_property
    def _words(self) -> Callable[[str], Words]:
        return lru_cache(maxsize=64)(lambda clause: Words(clause, self.classes))

    @cached_property
    def _templates(self) -> Templates:
        return Templates(template for rule in self.rules for template in rule.templates)

    @cached_property
    def _rules_by_template(self) -> tuple[Rule, ...]:
        """The rule that each of the templates is of."""
        return tuple(rule for rule in self.rules for _ in rule.templates)


@cache
def load_grammar_words() -> frozenset[str]:
    """Every word that a rule or a class speaks of, with the endings of its verbs."""
    words = re.findall(r"(?<![\w<])[a-z']{3,}\*?(?![\w>])", "\n".join(read_texts("grammar")))
    return frozenset(form for word in words for form in (inflect(word) if word.endswith("*") else [word]))


@cache
def load_grammar() -> Grammar:
    """The one grammar."""
    data = read_tables("grammar")
    known = load_lexicon()
    return Grammar(
        classes=Classes({**known.words, "camera": known.camera, "past": known.past, **data["classes"]}),
        rules=tuple(
            Rule(
                name=name,
                means=rule["means"],
                denied=rule.get("denied", "decline"),
                goes_on=rule.get("goes_on", False),
                bare=rule.get("bare", False),
                templates=tuple(map(Template, rule["says"])),
            )
            for name, rule in data["rules"].items()
        ),
        polite=_parse_prefix(data["polite"]),
        negators=_parse_prefix(data["negators"]),
        questions=_parse_prefix(data["questions"]),
    )


def _parse_prefix(data: Mapping[str, Any]) -> Prefix:
    says, but_not = (Templates(Template(text, whole=False) for text in data[name]) for name in ("says", "but_not"))
    return Prefix(says, but_not)
