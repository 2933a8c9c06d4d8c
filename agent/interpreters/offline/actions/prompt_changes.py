"""Requests to change a part of the prompt: "make it a queen", "the sky should be pink", "style: watercolor"."""

import re

from ...edit_draft import EditDraft, is_pronoun
from ...language import attribute_rewriting, prompt_rewriting
from ...language.lexicon import load_lexicon
from ...language.morphology import gerund
from ...language.noun_phrases import extract_term, is_noun_phrase
from ..defect_names import name_quality_defect
from ..grammar.rules import RuleMatch
from .phrase_patterns import ARTICLE, IT, SOMEWHERE, strip_politeness
from .registry import action


@action
def do(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Make him smile", "she should look up"; "pupils will laugh" requests nothing."""
    if re.search(r"\bwill\s", match.clause, re.I) or " than " in f" {match['REST']} ":
        return False
    return draft.add(strip_politeness(f"{gerund(match['DOING'].lower())} {match['REST']}"))


@action
def exclude_doing(match: RuleMatch, draft: EditDraft) -> bool:
    """ "He shouldn't smile"."""
    doing = match["DOING"].lower()
    if doing in {"wear", "hold", "have", "carry", "wearing", "holding"} and match["REST"]:
        return draft.exclude(match["REST"])
    return draft.exclude_term(gerund(doing))


@action
def make(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Make it a queen", "make it red", "make it look like a comic"."""
    wish = strip_politeness(match["THING"])
    if medium := re.match(r"as\s+(?=an?\s)", wish, re.I):
        name = wish[medium.end() :]
        return draft.rewrite(
            prompt_rewriting.swap_kind(draft.prompt, "style", name) or prompt_rewriting.add_phrase(draft.prompt, name)
        )
    wish = re.sub(r"^(?:to\s+)?(?:be|become|look|feel|seem|be set|happen|take place|appear)\s+", "", wish, flags=re.I)
    wish = re.sub(r"^(?:more like|like|into|as if it were|as though it were|as)\s+", "", wish, flags=re.I)
    degree = r"^(?:a bit|a little|slightly|way|much|far|really|very|somewhat|a tad|a lot)\s+(?=\w)"
    wish = re.sub(degree, "", wish, flags=re.I)
    if re.fullmatch(r"(?:none|zero|nothing|neither)", wish, re.I):  # "there should be none"
        return bool(draft.edits)
    is_turn = not re.match(r"make\b", match.clause, re.I)
    if not wish or (is_turn and re.fullmatch(r"(?:around|over|up|down|back|out|off|round)", wish, re.I)):
        return False
    if SOMEWHERE.match(wish):
        return draft.rewrite(prompt_rewriting.move(draft.prompt, wish))
    if negated := re.match(r"(?:less|not(?: so| too| that)?|without|no)\s+(?P<x>.+)", wish, re.I):
        return draft.exclude(negated["x"])
    if both := re.match(r"(?P<x>an?\s.+?)\s+(?:without|with no|but no)\s+(?P<y>.+)", wish, re.I):
        return draft.rewrite(prompt_rewriting.replace_with(draft.prompt, both["x"])) and draft.exclude(both["y"])
    if re.search(r"\bin the (?:style|manner) of\b", match.clause, re.I) and load_lexicon().find_kind(wish) != "style":
        return draft.add(f"in the style of {wish}")
    return draft.rewrite(
        attribute_rewriting.set_age(draft.prompt, wish) or prompt_rewriting.replace_with(draft.prompt, wish)
    )


@action
def apply_hope(match: RuleMatch, draft: EditDraft) -> bool:
    """ "I was hoping for something more like a castle", "I'm imagining mist around it"."""
    wish = strip_politeness(match["THING"])
    if placed := re.match(rf"{IT.pattern}\s+(?P<where>.+)", wish, re.I):  # "I pictured her on a shipwreck"
        where = placed["where"]
        return draft.rewrite(
            (prompt_rewriting.move if SOMEWHERE.match(where) else prompt_rewriting.replace_with)(draft.prompt, where)
        )
    another = re.search(r"\b(?:something|it|more)\b", match.clause) or (
        ARTICLE.match(wish) and load_lexicon().find_kind(wish)
    )
    return make(match, draft) if another else bool(wish) and draft.add(wish)


@action
def apply_what_if(match: RuleMatch, draft: EditDraft) -> bool:
    """ "What if the cat wore a bow tie", "what if it was night", "what if there was a moon"."""
    who, verb, rest = match["WHO"].lower(), match["VERB"].lower(), strip_politeness(match["REST"])
    if who in {"we", "you", "i"}:
        return verb in {"added", "put", "had", "used"} and draft.add(rest)
    if who == "there":
        return verb in {"was", "were"} and draft.add(rest)
    if verb in load_lexicon().past:
        return draft.add(f"{load_lexicon().past[verb]} {rest}")
    if verb.endswith("ed"):
        return draft.add(f"{re.sub('i$', 'y', verb[:-2])}ing {rest}".strip())
    if not IT.fullmatch(who) and who not in {"he", "she", "they"}:
        thing = re.sub(r"^the\s+", "", who)
        if re.match(r"an?\s", rest, re.I):
            return draft.rewrite(
                prompt_rewriting.swap(draft.prompt, thing, rest) or prompt_rewriting.replace_with(draft.prompt, rest)
            )
        return draft.rewrite(prompt_rewriting.attribute(draft.prompt, thing, rest))
    if SOMEWHERE.match(rest):
        return draft.rewrite(prompt_rewriting.move(draft.prompt, rest))
    return draft.rewrite(prompt_rewriting.replace_with(draft.prompt, rest))


@action
def change_setting(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Background: a stormy sea", "style: watercolor"."""
    thing, wish = re.sub(r"^the\s+", "", match["THING"].lower()), strip_politeness(match["QUALITY"])
    if thing not in load_lexicon().words["settings"] or not wish:
        return False
    if thing == "subject":
        return draft.rewrite(prompt_rewriting.replace_subject(draft.prompt, wish))
    kind = load_lexicon().kind_names.get(thing)
    if kind in {None, "background"}:
        if ARTICLE.match(wish):
            return draft.add(f"{wish} in the {thing}" if thing in {"background", "backdrop", "foreground"} else wish)
        return draft.rewrite(prompt_rewriting.attribute(draft.prompt, thing, wish))
    if swapped := prompt_rewriting.swap_kind(draft.prompt, kind or "", wish):
        return draft.rewrite(swapped)
    if kind in {"season", "time", "weather", "light"} and load_lexicon().find_kind(wish) == kind:
        return draft.add(wish)
    if load_lexicon().find_kind(wish) is None and " " not in wish:
        return draft.add(f"{wish} {thing}")
    return draft.rewrite(prompt_rewriting.replace_with(draft.prompt, wish))


@action
def change_attribute(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Make the background white", "the sky should be pink", "make more red the roof"."""
    thing, quality = match["THING"] or match["OWN"], match["QUALITY"]
    if not quality:
        if inverted := re.fullmatch(
            r"(?:more\s+)?(?P<q>[\w-]+)\s+(?P<x>(?:the|his|her|its|their)\s+[\w -]+)", thing, re.I
        ):
            thing, quality = inverted["x"], inverted["q"]
        else:
            thing, quality = _split_quality(thing)
    quality = strip_politeness(
        re.sub(r"^(?:to\s+)?(?:be|become|look|appear|into|in)\s+(?=\w)", "", quality, flags=re.I)
    )
    if not thing or not quality or extract_term(thing) is None:
        return False
    if negated := re.match(r"(?:less|not(?: so| too| that)?)\s+(?P<x>.+)", quality, re.I):
        return draft.exclude(negated["x"])
    if ARTICLE.match(quality):
        return draft.rewrite(
            prompt_rewriting.swap(draft.prompt, thing, quality) or prompt_rewriting.replace_with(draft.prompt, quality)
        )
    return draft.rewrite(prompt_rewriting.attribute(draft.prompt, thing, quality))


@action
def restore_attribute(match: RuleMatch, draft: EditDraft) -> bool:
    """ "The dress was green", "her hair is shorter in real life": states how it should be."""
    quality = strip_politeness(match["QUALITY"])
    is_about_reality = re.search(r"\b(?:real life|reality|irl|in person|in the photo|originally)$", match.clause, re.I)
    if extract_term(match["OWN"]) is None or " " in quality or load_lexicon().is_praise(quality):
        return False
    if not is_about_reality and load_lexicon().find_kind(quality) not in {"color", "material", "hair"}:
        return False
    return draft.rewrite(prompt_rewriting.attribute(draft.prompt, match["OWN"], quality))


@action
def add_time(match: RuleMatch, draft: EditDraft) -> bool:
    """ "They got married in winter": sets the time of the picture."""
    where = strip_politeness(match["WHERE"])
    return load_lexicon().find_kind(where) in {"season", "time"} and draft.rewrite(
        prompt_rewriting.move(draft.prompt, where)
    )


def _split_quality(text: str) -> tuple[str, str]:
    """ "The sky a bit darker" -> ("the sky", "darker")."""
    words = strip_politeness(text).split()
    for index in range(1, len(words)):
        word, rest = words[index].lower(), " ".join(words[index:])
        if word in _COMPARED:
            return " ".join(words[:index]), " ".join(words[index:])
        if word in _BEFORE_QUALITY:
            return " ".join(words[:index]), re.sub(r"^(?:look|much|slightly|very|way|a bit|a little)\s+", "", rest)
        if index > 1 and word in load_lexicon().kind_of_word and load_lexicon().find_kind(word) not in _THINGS:
            return " ".join(words[:index]), rest
    return " ".join(words[:-1]), words[-1] if len(words) > 1 else ""


_BEFORE_QUALITY = frozenset(
    [
        "more",
        "a",
        "an",
        "look",
        "much",
        "slightly",
        "less",
        "not",
        "very",
        "in",
        "into",
        "like",
        "be",
        "with",
        "bit",
        "way",
        "smile",
    ]
)


_COMPARED = frozenset(["further", "farther", "closer", "higher", "lower"])
_THINGS = frozenset({"background", "clothes", "headwear", "furniture", "place", "person", "animal"})


@action
def swap(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Swap the dog for a cat", "make the sky pink" if the prompt has no sky."""
    old, new = re.sub(r"\s+please$", "", match["OLD"]), strip_politeness(match["NEW"])
    if re.match(r"(?:it|him|them|this|that|her an?)\s", old, re.I):  # "make it a queen with a crown" swaps nothing
        return False
    if of := re.fullmatch(r"(?P<x>.+?)(?:'s)?\s+colou?r|(?:the )?colou?r of (?P<y>.+)", old, re.I):
        return draft.rewrite(prompt_rewriting.attribute(draft.prompt, of["x"] or of["y"], new))
    if is_pronoun(old) or (IT.fullmatch(old) and old.split()[-1] not in load_lexicon().kind_names):
        return False
    if swapped := prompt_rewriting.swap(draft.prompt, old, new):
        return draft.rewrite(swapped)
    kind = load_lexicon().find_kind(new)
    if kind in {"color", "material", "shape", "size"} and not re.match(r"an?\s", new):
        return draft.rewrite(prompt_rewriting.attribute(draft.prompt, old, new))
    swapped = prompt_rewriting.swap_kind(draft.prompt, kind, new) if kind else None
    return draft.rewrite(swapped or prompt_rewriting.add_phrase(draft.prompt, new))


@action
def change_style(match: RuleMatch, draft: EditDraft) -> bool:
    """ "As an oil painting", "in watercolor style"."""
    wish = strip_politeness(match["THING"])
    if load_lexicon().is_praise(wish) and len(wish.split()) < 3:
        return False
    return draft.rewrite(
        prompt_rewriting.replace_with(draft.prompt, f"{wish} style" if match.clause.endswith("style") else wish)
    )


@action
def add_quality(match: RuleMatch, draft: EditDraft) -> bool:
    """A bare word that is only useful as a request: "winter", "watercolor style", "black and white"."""
    wish = strip_politeness(match["QUALITY"])
    words = wish.split()
    if draft.find_exclusion(wish):  # the bare name of an excluded thing is no request for it
        return False
    if load_lexicon().find_kind(words[0] if words else "") in _QUALITIES and (
        other := attribute_rewriting.modify_noun(draft.prompt, wish)
    ):
        return draft.rewrite(other)
    if _CIRCUMSTANCE.match(wish) and len(words) <= 8:
        if wish.lower().startswith("as "):
            return draft.rewrite(prompt_rewriting.replace_with(draft.prompt, wish[3:]))
        return draft.rewrite(prompt_rewriting.move(draft.prompt, wish))
    if not words or not is_noun_phrase(wish) or len(words) > 4:
        return False
    lexicon_words = load_lexicon().words
    if (recoloring := re.fullmatch(r"the\s+(?P<thing>[\w -]+?) in (?P<q>[\w-]+)", wish, re.I)) and draft.is_in_prompt(
        recoloring["thing"]
    ):
        return draft.rewrite(prompt_rewriting.attribute(draft.prompt, recoloring["thing"], recoloring["q"]))
    non_wishes = lexicon_words["faults"] | lexicon_words["wrongness"] | lexicon_words["quantifiers"]
    is_look = words[-1].lower() in lexicon_words["looks"] and words[0].lower() not in non_wishes
    if len(words) > 1 and (is_look or load_lexicon().find_kind(words[0]) in _QUALITIES):
        return draft.add(wish)
    if (
        re.fullmatch(r"[a-z]{4,}less", wish) and not name_quality_defect(wish) and not load_lexicon().is_praise(wish)
    ):  # "sleeveless"
        return draft.rewrite(prompt_rewriting.describe_subject(draft.prompt, wish))
    kind = load_lexicon().find_kind(re.sub(r"\s+(?:style|look|tones?|version)$", "", wish, flags=re.I))
    return kind in _MOODS and draft.rewrite(prompt_rewriting.replace_with(draft.prompt, wish))


_CIRCUMSTANCE = re.compile(
    r"(?:as|in|at|on|under|from|during|by)\s+(?!the (?:end|other|moment)|all\b|case\b|fact\b|least\b|first\b"
    r"|last\b|it\b|that\b|this\b|my\b|your\b|a (?:good|bad) way)\S",
    re.I,
)


_QUALITIES = frozenset(["color", "hair", "age", "material", "shape", "print", "light", "weather", "season"])


_MOODS = frozenset(["tone", "season", "time", "weather", "style", "framing", "light", "color", "emotion", "decor"])
