"""Requests for additions: "add a hat", "where is the moon?", "at night would be nicer"."""

import re

from ....edits import Allow, Exclude
from ....terms import singularize
from ...edit_draft import EditDraft, is_pronoun
from ...language import attribute_rewriting, prompt_rewriting
from ...language.lexicon import load_lexicon
from ...language.noun_phrases import extract_term
from ..descriptions.parser import is_full_description
from ..grammar.rules import RuleMatch
from .phrase_patterns import IT, SOMEWHERE, strip_politeness
from .registry import action


@action
def add_wish(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Add a hat", "I want a hat", "more trees", "let's have it in the snow"."""
    phrase = re.sub(r"^(?:adding|having|seeing|in|like)\s+(?=\S)", "", strip_politeness(match["THING"]), flags=re.I)
    verb = match.clause[: match.clause.lower().find(match["THING"].lower())].lower().strip()
    if negated := re.match(r"(?:no|zero|less|fewer)\s+(?P<x>.+)", phrase, re.I):
        return draft.exclude(negated["x"])
    if is_pronoun(phrase) and any(isinstance(edit, Allow) for edit in draft.edits):  # "the hat may stay, I do want one"
        return True
    if (
        verb == "do"
        and not re.match(r"(?:an?|the|some|more|another|two|three|\d+)\b", phrase)
        and not load_lexicon().find_kind(phrase)
    ):
        return False  # "do foxes swim?"
    if re.match(r"(?:to|you|that you|to know|me|your)\b|.*\b(?:again|luck|else)$", phrase, re.I) or (
        is_pronoun(phrase) and not draft.mention
    ):
        return False
    if placed := re.match(rf"{IT.pattern}\s+(?P<where>.+)", phrase, re.I):
        return draft.rewrite(prompt_rewriting.move(draft.prompt, placed["where"]))
    if re.match(r"some\s", match.clause, re.I) and _STATEMENT_VERB.search(phrase):  # "some children are afraid"
        return False
    if SOMEWHERE.match(f"{phrase} ") and not re.match(r"(?:in the style|with) ", phrase, re.I):
        return draft.rewrite(prompt_rewriting.move(draft.prompt, phrase))
    if load_lexicon().is_praise(phrase) and len(phrase.split()) == 1:
        return False
    if (
        _WANTING.match(verb)
        and is_full_description(phrase)
        and (prompt_rewriting.MEDIUM.match(phrase) or verb.startswith("let us"))
    ):
        return draft.set_prompt(phrase)
    if re.fullmatch(r"(?:none|zero|nothing|neither|never)\b.*", phrase, re.I):  # "I asked for none"
        return False
    if _TRYING.match(verb) and (replaced := _replace_tried(phrase, draft)):
        return draft.rewrite(replaced)
    return add_wanted(phrase, draft) if _WANTING.match(verb) else draft.add(phrase)


_STATEMENT_VERB = re.compile(
    r"\s(?:is|are|was|were|has|have|had|will|would|do|does|did|can|may|might|think|say|find)\s", re.I
)
_WANTING = re.compile(
    r"(?:i want|i would|i need|we need|give me|need|want|how about|let us|can|could|show|use|try|go)\b", re.I
)


_TRYING = re.compile(r"(?:let us (?:try|go|do|use)|how about|what about|try|go|use)\b", re.I)
_TRIED = frozenset(
    [
        "color",
        "material",
        "print",
        "style",
        "shape",
        "season",
        "time",
        "weather",
        "light",
        "age",
        "hair",
        "decor",
        "quantity",
    ]
)
"""Kinds that a thing has only one of: a new one replaces the old one."""


def _replace_tried(phrase: str, draft: EditDraft) -> str | None:
    """ "(Try) walnut": replaces "oak" in the prompt."""
    kind = load_lexicon().find_kind(phrase)
    if kind not in _TRIED or re.match(r"(?:an?|the|more|some|less)\s|.*\s(?:in|on|at|with|of|for)\s", phrase, re.I):
        return None
    return prompt_rewriting.swap_kind(draft.prompt, kind, phrase) or prompt_rewriting.replace_with(draft.prompt, phrase)


@action
def wish(match: RuleMatch, draft: EditDraft) -> bool:
    """ "A dog by the door would be lovely", "at night would be nicer"."""
    wish = strip_politeness(match["NEW"])
    if (
        is_pronoun(wish)
        or not wish
        or re.search(
            r"\b(?:without|minus|with no)\b|^(?:it|that|this|he|she|they|i|we|you|what|if|which|how)\b", wish, re.I
        )
    ):
        return False
    if exclusion := re.match(r"(?:no|without|fewer|less)\s+(?P<x>.+)", wish, re.I):
        return draft.exclude(exclusion["x"])
    if known := draft.find_exclusion(re.sub(r"^with\s+", "", wish)):
        return draft.allow(known.term)
    wish = re.sub(
        r"^(?:an? )?(?:little |tiny )?(?:bit|touch|hint|dash|splash|sprinkle|sprinkling) of\s+", "", wish, flags=re.I
    )
    if SOMEWHERE.match(f"{wish} ") and not re.match(r"with\s", wish, re.I):
        return draft.rewrite(prompt_rewriting.move(draft.prompt, wish))
    return draft.rewrite(_replace_tried(wish, draft)) or add_wanted(wish, draft)


def add_wanted(phrase: str, draft: EditDraft) -> bool:
    """ "I want a black barn": recolors the barn of the prompt, or else adds one."""
    if counted := prompt_rewriting.set_count(draft.prompt, phrase):
        return draft.rewrite(counted)
    if (
        (recoloring := re.fullmatch(r"(?:the\s+)?(?P<thing>[\w -]+?) in (?P<q>[\w-]+)", phrase, re.I))
        and load_lexicon().find_kind(recoloring["q"]) in {"color", "material"}
        and draft.is_in_prompt(recoloring["thing"])
    ):  # "the car in green"
        return draft.rewrite(prompt_rewriting.attribute(draft.prompt, recoloring["thing"], recoloring["q"]))
    if recoloured := prompt_rewriting.recolor(draft.prompt, phrase) or attribute_rewriting.modify_noun(
        draft.prompt, phrase
    ):
        return draft.rewrite(recoloured)
    more = re.match(r"(?:an?|the)\s+(?P<thing>[\w-]+)\s+(?=(?:with|wearing|holding)\s)", phrase, re.I)
    if more is None or not draft.is_in_prompt(more["thing"]):
        return draft.add(phrase)
    return draft.rewrite(
        prompt_rewriting.set_count(draft.prompt, phrase[more.end() :].removeprefix("with ")) or None
    ) or draft.add(phrase[more.end() :])


@action
def give(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Give her a hat", "dress her in blue"."""
    phrase = strip_politeness(match["THING"])
    if re.match(r"(?:off|out|away|down|up|back|over|to|from|rid)\b", phrase, re.I):  # "get the cat off the table"
        return False
    if match.clause.lower().startswith("get") and re.search(r"\s(?:off|out of|away from)\s", phrase, re.I):
        return False
    if is_pronoun(phrase):
        return draft.add(phrase)
    if (part := extract_term(phrase)) in load_lexicon().words["body"]:  # "it is headless, give it a head": no cropping
        resolved_terms = {f"missing {part}", f"missing {part}s", "cropped" if part == "head" else ""}
        draft.edits = [edit for edit in draft.edits if not (isinstance(edit, Exclude) and edit.term in resolved_terms)]
    link = "with" if re.match(r"(?:give|get|buy|lend|hand)\b", match.clause, re.I) else "wearing"
    return draft.add(f"{link} {phrase}")


@action
def put(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Put a lamp on the table": adds the lamp and its place."""
    return draft.add(strip_politeness(f"{match['THING']} {match['WHERE']}"))


@action
def move(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Put it on a beach", "move it to a shelf"; "put his sister beside him" adds her."""
    whom = match["WHOM"]
    if whom and not is_pronoun(whom) and not IT.fullmatch(whom) and not draft.is_in_prompt(extract_term(whom) or whom):
        return draft.add(strip_politeness(f"{whom} {match['WHERE']}"))
    if place := strip_politeness(match["PLACE"]):
        on = "on" if load_lexicon().find_kind(place) in {"furniture", "vessel"} else "in"
        return draft.rewrite(prompt_rewriting.move(draft.prompt, f"{on} {place}"))
    return draft.rewrite(prompt_rewriting.move(draft.prompt, strip_politeness(match["WHERE"])))


@action
def report_missing(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Where is the moon?", "you forgot the moon"."""
    phrase = re.sub(r"^any\s+", "", strip_politeness(match["THING"]), flags=re.I)
    if extract_term(phrase) is None:
        return False
    draft.mention = phrase
    if known := draft.find_exclusion(re.sub(r"^(?:some|a few|one|a couple of)\s+", "", phrase, flags=re.I)):
        not_all = re.search(r"\bmissed (?:some|a few|one|a couple)\b", match.clause, re.I)
        return draft.exclude(known.term) if not_all else draft.allow(known.term)
    return draft.add(phrase)


@action
def report_unseen(match: RuleMatch, draft: EditDraft) -> bool:
    """ "I can't see the moon": adds it, unless it explains a complaint. "For all the fog" excludes the fog."""
    if match["OTHER"]:
        return draft.exclude(match["OTHER"])
    if re.search(r"\b(?:hardly|barely)\b", match.clause, re.I) and not draft.edits:
        return False
    term = extract_term(match["THING"])
    if draft.edits or is_pronoun(match["THING"]) or term in load_lexicon().words["empty"]:  # "I can't see any flaws"
        return True
    if term is None or re.match(r"(?:what|why|how|where)\b", match["THING"], re.I):
        return False
    draft.mention = term
    if known := draft.find_exclusion(term):
        return draft.allow(known.term)
    return draft.add(
        f"visible {term}"
        if term in load_lexicon().words["body"] or draft.is_in_prompt(term)
        else strip_politeness(match["THING"])
    )


@action
def report_absent(match: RuleMatch, draft: EditDraft) -> bool:
    """ "There isn't a moon": adds one at the end, unless the feedback says something else about it."""
    phrase = strip_politeness(match["THING"])
    if (term := extract_term(phrase)) is None or load_lexicon().is_praise(match.clause):
        return term is not None
    if (
        singularize(term.split()[-1])
        in {*load_lexicon().counts, *map(singularize, load_lexicon().words["body"] - {"smile"})}
        and draft.find_exclusion(term) is None
    ):
        return draft.exclude_term(f"missing {term}")
    if draft.find_exclusion(term) and re.search(
        r"\b(?:see|saw|find|spot|notice)\b", match.clause, re.I
    ):  # it is excluded, so its absence is right
        draft.mention = term
        return True
    article = re.search(r"\b(an?)\s+$", match.clause[: match.clause.find(match["THING"])], re.I)
    has_own_place = re.match(rf"{re.escape(term)}\s+(?:in|on|at|under)\s+(?:his|her|its|their)\s", phrase, re.I)
    thing = phrase if has_own_place else term
    draft.mention, draft.missing_thing = term, f"{article[1].lower() if article else ''} {thing}".strip()
    return True


@action
def add_verbatim(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Brighter", "shot from below"."""
    return draft.add(strip_politeness(match.clause))
