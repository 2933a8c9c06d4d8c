"""The grammar of `prompts/grammar`, loaded once on first use. Rules are tried in file order."""

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
    """Templates with one meaning, and the names of the actions for it."""

    name: str
    action: str
    negated_action: str
    can_continue: bool
    """Whether the rule also applies to a bare thing in the next clause: "no cars and | people"."""
    is_bare: bool
    """Whether it is a single word for a request or a fault, which yields to a continuation of the previous clause."""
    templates: tuple[Template, ...]


@dataclass(frozen=True)
class RuleMatch:
    """A clause that matched a rule."""

    clause: str
    rule: Rule
    is_negated: bool
    """Whether the clause means the opposite, because it contains a negator or follows one."""
    parts: Mapping[str, str]
    """Name of a template's slot -> the words that it matched."""

    @property
    def action(self) -> str:
        """Name of the action to run."""
        return self.rule.negated_action if self.is_negated else self.rule.action

    def __getitem__(self, name: str) -> str:
        return self.parts.get(name, "")

    @property
    def thing(self) -> str:
        """The thing that the clause is about."""
        return self["THING"] or self["OWN"]

    def continue_with(self, clause: str) -> "RuleMatch | None":
        """The same rule applied to the thing in a bare clause: "no cars and | people". None if it doesn't continue."""
        name = next((name for name in ("THING", "QUALITY", "WHERE", "NEW", "REST") if self.parts.get(name)), None)
        return (
            replace(self, clause=clause, parts={**self.parts, name: clause})
            if name and self.rule.can_continue
            else None
        )


@dataclass(frozen=True)
class Prefix:
    """Words that can precede a clause without adding to its meaning."""

    templates: Templates
    exceptions: Templates

    def length(self, words: Words) -> int:
        """Number of words that the prefix takes up; 0 if the clause doesn't start with it."""
        found = self.templates.match_first(words)
        return 0 if found is None or self.exceptions.match_first(words) else found.end


@dataclass(frozen=True)
class Grammar:
    """All rules in the order they are tried, and the prefixes of clauses."""

    classes: Classes
    rules: tuple[Rule, ...]
    polite: Prefix
    """Polite requests without content: "could you", "I want you to"."""
    negators: Prefix
    """Words that negate the clause after them: "don't", "no need to"."""
    questions: Prefix
    """Starts of questions that only ask for information."""

    def match_rules(self, clause: str, is_negated: bool = False) -> Iterator[RuleMatch]:
        """The matches of all templates, in rule order. `negated` means that the clause follows a "don't"."""
        words = self.words(clause)
        for index, found in self._templates.iterate_matches(words):
            denials = sum(name == "NOT" for name, _ in found.captures)
            yield RuleMatch(
                clause, self._rules_by_template[index], is_negated != bool(denials % 2), dict(found.captures)
            )

    def words(self, clause: str) -> Words:
        """The tokenized clause. Cached, because several rules and prefixes read the same clause."""
        return self._words(clause)

    @cached_property
    def _words(self) -> Callable[[str], Words]:
        return lru_cache(maxsize=64)(lambda clause: Words(clause, self.classes))

    @cached_property
    def _templates(self) -> Templates:
        return Templates(template for rule in self.rules for template in rule.templates)

    @cached_property
    def _rules_by_template(self) -> tuple[Rule, ...]:
        """Template index -> the rule that it belongs to."""
        return tuple(rule for rule in self.rules for _ in rule.templates)


@cache
def load_grammar_words() -> frozenset[str]:
    """Every word in a rule or a class, with all inflections of verbs."""
    words = re.findall(r"(?<![\w<])[a-z']{3,}\*?(?![\w>])", "\n".join(read_texts("grammar")))
    return frozenset(form for word in words for form in (inflect(word) if word.endswith("*") else [word]))


@cache
def load_grammar() -> Grammar:
    data = read_tables("grammar")
    lexicon = load_lexicon()
    return Grammar(
        classes=Classes({**lexicon.words, "camera": lexicon.camera, "past": lexicon.past, **data["classes"]}),
        rules=tuple(
            Rule(
                name=name,
                action=rule["means"],
                negated_action=rule.get("denied", "decline"),
                can_continue=rule.get("goes_on", False),
                is_bare=rule.get("bare", False),
                templates=tuple(map(Template, rule["says"])),
            )
            for name, rule in data["rules"].items()
        ),
        polite=_parse_prefix(data["polite"]),
        negators=_parse_prefix(data["negators"]),
        questions=_parse_prefix(data["questions"]),
    )


def _parse_prefix(data: Mapping[str, Any]) -> Prefix:
    templates, exceptions = (
        Templates(Template(text, whole=False) for text in data[key]) for key in ("says", "but_not")
    )
    return Prefix(templates, exceptions)
