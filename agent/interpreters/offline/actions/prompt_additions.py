"""Wishes for one thing more: "add a hat", "where is the moon?", "at night would be nicer"."""

import re

from ....edits import Allow, Exclude
from ....terms import singular
from ...edit_draft import Draft, is_pronoun
from ...language import attribute_rewriting, prompt_rewriting
from ...language.lexicon import lexicon
from ...language.noun_phrases import is_noun_phrase, term_of
from ..descriptions.parser import full_description
from ..grammar.rules import Reading
from .phrase_patterns import IT, SOMEWHERE, polite
from .registry import act


@act
def add(said: Reading, draft: Draft) -> bool:
    """ "Add a hat", "I want a hat", "more trees", "let's have it in the snow"."""
    phrase = re.sub(r"^(?:adding|having|seeing|in|like)\s+(?=\S)", "", polite(said["THING"]), flags=re.I)
    verb = said.clause[: said.clause.lower().find(said["THING"].lower())].lower().strip()
    if negated := re.match(r"(?:no|zero|less|fewer)\s+(?P<x>.+)", phrase, re.I):
        return draft.exclude(negated["x"])
    if is_pronoun(phrase) and any(isinstance(edit, Allow) for edit in draft.edits):  # "the hat may stay, I do want one"
        return True
    if (
        verb == "do"
        and not re.match(r"(?:an?|the|some|more|another|two|three|\d+)\b", phrase)
        and not lexicon().kind(phrase)
    ):
        return False  # "do foxes swim?"
    if re.match(r"(?:to|you|that you|to know|me|your)\b|.*\b(?:again|luck|else)$", phrase, re.I) or (
        is_pronoun(phrase) and not draft.mention
    ):
        return False
    if pointed := re.match(rf"{IT.pattern}\s+(?P<where>.+)", phrase, re.I):
        return draft.rewrite(prompt_rewriting.move(draft.prompt, pointed["where"]))
    if re.match(r"some\s", said.clause, re.I) and _TELLS.search(phrase):  # "some children are afraid"
        return False
    if link := said["LINK"].lower():
        phrase = f"{_LINKS.get(link.split()[0], link + ' ')}{phrase}"
    if SOMEWHERE.match(f"{phrase} ") and not link and not re.match(r"(?:in the style|with) ", phrase, re.I):
        return draft.rewrite(prompt_rewriting.move(draft.prompt, phrase))
    if lexicon().is_praise(phrase) and len(phrase.split()) == 1:
        return False
    if (
        _WANTING.match(verb)
        and full_description(phrase)
        and (prompt_rewriting.MEDIUM.match(phrase) or verb.startswith("let us"))
    ):
        return draft.want(phrase)
    if re.fullmatch(r"(?:none|zero|nothing|neither|never)\b.*", phrase, re.I):  # "I asked for none"
        return False
    if _TRYING.match(verb) and (tried := _tried(phrase, draft)):
        return draft.rewrite(tried)
    return wanted(phrase, draft) if _WANTING.match(verb) else draft.add(phrase)


_TELLS = re.compile(r"\s(?:is|are|was|were|has|have|had|will|would|do|does|did|can|may|might|think|say|find)\s", re.I)
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
"""Kinds of which a picture's thing has one: another takes its place."""


def _tried(phrase: str, draft: Draft) -> str | None:
    """ "(Try) walnut", in the place of the oak that is asked for."""
    kind = lexicon().kind(phrase)
    if kind not in _TRIED or re.match(r"(?:an?|the|more|some|less)\s|.*\s(?:in|on|at|with|of|for)\s", phrase, re.I):
        return None
    return prompt_rewriting.swap_kind(draft.prompt, kind, phrase) or prompt_rewriting.become(draft.prompt, phrase)


_LINKS = {
    "dress": "wearing ",
    "surround": "surrounded by ",
    "decorate": "with ",
    "fill": "filled with ",
    "top": "topped with ",
    "cover": "covered in ",
}


@act
def better_somewhere(said: Reading, draft: Draft) -> bool:
    """ "It'd be nicer in the rain", "it would look great with a hat"."""
    where = polite(said["WHERE"])
    known = draft.known(where.removeprefix("with "))
    return draft.allow(known.term) if known else draft.rewrite(prompt_rewriting.move(draft.prompt, where))


@act
def wished(said: Reading, draft: Draft) -> bool:
    """ "A dog by the door would be lovely", "at night would be nicer"."""
    wish = polite(said["NEW"])
    if (
        is_pronoun(wish)
        or not wish
        or re.search(
            r"\b(?:without|minus|with no)\b|^(?:it|that|this|he|she|they|i|we|you|what|if|which|how)\b", wish, re.I
        )
    ):
        return False
    if gone := re.match(r"(?:no|without|fewer|less)\s+(?P<x>.+)", wish, re.I):
        return draft.exclude(gone["x"])
    if known := draft.known(re.sub(r"^with\s+", "", wish)):
        return draft.allow(known.term)
    if draft.rejected and (swapped := prompt_rewriting.swap(draft.prompt, draft.rejected, wish)):
        return draft.rewrite(swapped)
    wish = re.sub(
        r"^(?:an? )?(?:little |tiny )?(?:bit|touch|hint|dash|splash|sprinkle|sprinkling) of\s+", "", wish, flags=re.I
    )
    if SOMEWHERE.match(f"{wish} ") and not re.match(r"with\s", wish, re.I):
        return draft.rewrite(prompt_rewriting.move(draft.prompt, wish))
    return draft.rewrite(_tried(wish, draft)) or wanted(wish, draft)


def wanted(phrase: str, draft: Draft) -> bool:
    """ "I want a black barn": the barn that is there in black, else one more thing."""
    if counted := prompt_rewriting.counted(draft.prompt, phrase):
        return draft.rewrite(counted)
    if (
        (made_in := re.fullmatch(r"(?:the\s+)?(?P<thing>[\w -]+?) in (?P<q>[\w-]+)", phrase, re.I))
        and lexicon().kind(made_in["q"]) in {"color", "material"}
        and draft.wants(made_in["thing"])
    ):  # "the car in green"
        return draft.rewrite(prompt_rewriting.attribute(draft.prompt, made_in["thing"], made_in["q"]))
    if recoloured := prompt_rewriting.recolour(draft.prompt, phrase) or attribute_rewriting.modified(
        draft.prompt, phrase
    ):
        return draft.rewrite(recoloured)
    more = re.match(r"(?:an?|the)\s+(?P<thing>[\w-]+)\s+(?=(?:with|wearing|holding)\s)", phrase, re.I)
    if more is None or not draft.wants(more["thing"]):
        return draft.add(phrase)
    return draft.rewrite(
        prompt_rewriting.counted(draft.prompt, phrase[more.end() :].removeprefix("with ")) or None
    ) or draft.add(phrase[more.end() :])


@act
def give(said: Reading, draft: Draft) -> bool:
    """ "Give her a hat", "dress her in blue"."""
    phrase = polite(said["THING"])
    if re.match(r"(?:off|out|away|down|up|back|over|to|from|rid)\b", phrase, re.I):  # "get the cat off the table"
        return False
    if said.clause.lower().startswith("get") and re.search(r"\s(?:off|out of|away from)\s", phrase, re.I):
        return False
    if is_pronoun(phrase):
        return draft.add(phrase)
    if (part := term_of(phrase)) in lexicon().words["body"]:  # "it is headless, give it a head": no cropping
        lost = {f"missing {part}", f"missing {part}s", "cropped" if part == "head" else ""}
        draft.edits = [edit for edit in draft.edits if not (isinstance(edit, Exclude) and edit.term in lost)]
    link = "with" if re.match(r"(?:give|get|buy|lend|hand)\b", said.clause, re.I) else "wearing"
    return draft.add(f"{link} {phrase}")


@act
def one_more_wanted(said: Reading, draft: Draft) -> bool:
    """ "One more fox", of the fox that is there; "another round" is talk."""
    term = term_of(said["THING"])
    return term is not None and draft.wants(term) and draft.add(polite(said.clause))


@act
def treated(said: Reading, draft: Draft) -> bool:
    """ "Serve it with a straw", "cream on top"."""
    on_top = " on top" if said.clause.lower().endswith("on top") else ""
    return is_noun_phrase(said["THING"]) | (not on_top) and draft.add(f"{polite(said['THING'])}{on_top}")


@act
def put_in(said: Reading, draft: Draft) -> bool:
    """ "Put a lamp on the table": added with its place."""
    return draft.add(polite(f"{said['THING']} {said['WHERE']}"))


@act
def move(said: Reading, draft: Draft) -> bool:
    """ "Put it on a beach", "move it to a shelf"; "put his sister beside him" brings her in."""
    whom = said["WHOM"]
    if whom and not is_pronoun(whom) and not IT.fullmatch(whom) and not draft.wants(term_of(whom) or whom):
        return draft.add(polite(f"{whom} {said['WHERE']}"))
    if place := polite(said["PLACE"]):
        on = "on" if lexicon().kind(place) in {"furniture", "vessel"} else "in"
        return draft.rewrite(prompt_rewriting.move(draft.prompt, f"{on} {place}"))
    return draft.rewrite(prompt_rewriting.move(draft.prompt, polite(said["WHERE"])))


@act
def missing(said: Reading, draft: Draft) -> bool:
    """ "Where is the moon?", "you forgot the moon"."""
    phrase = re.sub(r"^any\s+", "", polite(said["THING"]), flags=re.I)
    if term_of(phrase) is None:
        return False
    draft.mention = phrase
    if known := draft.known(re.sub(r"^(?:some|a few|one|a couple of)\s+", "", phrase, flags=re.I)):
        not_all = re.search(r"\bmissed (?:some|a few|one|a couple)\b", said.clause, re.I)
        return draft.exclude(known.term) if not_all else draft.allow(known.term)
    return draft.add(phrase)


@act
def unseen(said: Reading, draft: Draft) -> bool:
    """ "I can't see the moon": it should be seen; after a complaint, that is why; "for all the fog", none of that."""
    if said["OTHER"]:
        return draft.exclude(said["OTHER"])
    if re.search(r"\b(?:hardly|barely)\b", said.clause, re.I) and not draft.edits:
        return False
    term = term_of(said["THING"])
    if draft.edits or is_pronoun(said["THING"]) or term in lexicon().words["empty"]:  # "I can't see any flaws"
        return True
    if term is None or re.match(r"(?:what|why|how|where)\b", said["THING"], re.I):
        return False
    draft.mention = term
    if known := draft.known(term):
        return draft.allow(known.term)
    return draft.add(
        f"visible {term}" if term in lexicon().words["body"] or draft.wants(term) else polite(said["THING"])
    )


@act
def lacks(said: Reading, draft: Draft) -> bool:
    """ "The comb is missing teeth": a fault of its parts; "the cake is missing candles" wants some."""
    term = term_of(said["THING"])
    if term is None or not is_noun_phrase(said["THING"]):
        return False
    if term.split()[-1] in lexicon().words["body"] or singular(term) in lexicon().counts:
        return draft.exclude_term(f"missing {term}")
    return draft.add(term)


@act
def there_is_no(said: Reading, draft: Draft) -> bool:
    """ "There isn't a moon": "add one" may follow; wanted anyway when nothing does."""
    phrase = polite(said["THING"])
    if (term := term_of(phrase)) is None or lexicon().is_praise(said.clause):
        return term is not None
    if (
        singular(term.split()[-1]) in {*lexicon().counts, *map(singular, lexicon().words["body"] - {"smile"})}
        and draft.known(term) is None
    ):
        return draft.exclude_term(f"missing {term}")
    if draft.known(term) and re.search(r"\b(?:see|saw|find|spot|notice)\b", said.clause, re.I):  # as it should be
        draft.mention = term
        return True
    article = re.search(r"\b(an?)\s+$", said.clause[: said.clause.find(said["THING"])], re.I)
    placed = re.match(rf"{re.escape(term)}\s+(?:in|on|at|under)\s+(?:his|her|its|their)\s", phrase, re.I)
    thing = phrase if placed else term
    draft.mention, draft.wanted = term, f"{article[1].lower() if article else ''} {thing}".strip()
    return True


@act
def add_as_said(said: Reading, draft: Draft) -> bool:
    """ "Brighter", "shot from below"."""
    return draft.add(polite(said.clause))
