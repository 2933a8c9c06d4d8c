"""Requests to change a part of the prompt: "make it a queen", "the sky should be pink", "style: watercolor"."""

import re

from ...edit_draft import EditDraft, is_pronoun
from ...language import attribute_rewriting, prompt_rewriting
from ...language.lexicon import load_lexicon
from ...language.morphology import gerund
from ...language.noun_phrases import extract_term, is_noun_phrase
from ..grammar.rules import RuleMatch
from .phrase_patterns import ARTICLE, IT, SOMEWHERE, strip_politeness
from .registry import action


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
def compare_quality(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Fur darker", "the boat a bit bigger"."""
    term = extract_term(match["THING"])
    plain = is_noun_phrase(match["THING"]) and match["THING"].lower().split()[0] not in load_lexicon().words["verbs"]
    if term is None or is_pronoun(match["THING"]) or not plain or len(match["THING"].split()) > 3:
        return False
    quality = re.sub(r"^(?:a bit|a little|much|way|slightly|even|a tad|far)\s+", "", match["COMPARATIVE"])
    return " " not in strip_politeness(quality) and draft.add(f"{strip_politeness(quality)} {term}")


@action
def move_camera(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Zoom out", "zoom out so that we see the sea"."""
    framed = prompt_rewriting.replace_with(draft.prompt, load_lexicon().camera[match["CAMERA"].lower()])
    return draft.rewrite(prompt_rewriting.add_phrase(framed, match["THING"]) if match["THING"] else framed)


_ANYTHING = re.compile(r"(?:any|every|no)(?:\s\w+|thing|body|one|where)|all", re.I)
""" "Anything but a sword" asks for no sword."""


_NOT_WANTED = re.compile(r"(?:too|not)\b|(?:why|what|how|if|maybe|it|that|this)$", re.I)
""" "He looks rather too stern", "I'd rather not"."""


_UNFINISHED = re.compile(
    r"\b(?:i|i am|is|are|am|be|was|were|must|should|do|does|did|has|have|had|would|rather|can|could|will|may|might"
    r"|shall)$",
    re.I,
)
""" "She is not ..." is a denial that replaces nothing."""


_SHOULD_BE = re.compile(
    r"(?P<thing>(?:the|his|her|its|their|my)\s.+?)\s(?:should|must|needs? to|has to|have to|ought to)(?:\sbe)?\s"
    r"(?P<quality>[\w -]+)",
    re.I,
)


@action
def replace_instead(match: RuleMatch, draft: EditDraft) -> bool:
    """ "A cat instead of a dog", "watercolor rather than photo"."""
    old, new = match["OLD"], strip_politeness(match["NEW"])
    if _ANYTHING.fullmatch(old) or _NOT_WANTED.match(new) or _UNFINISHED.search(new) or _UNFINISHED.search(old):
        return False
    if (
        re.search(r"\bnot\s+\S+$", match.clause, re.I)
        and load_lexicon().find_kind(old) is None
        and not ARTICLE.match(old)
    ):
        return False
    new = re.sub(
        r"^(?:(?:can|could|may) (?:i|we|you) (?:please )?(?:have|get|see|do|try|make it|use)"
        r"|(?:can|could|may|might|should|would|let) there (?:please )?be|there (?:should|must|could|need to) be"
        r"|make (?:it|that|him|her|this)|i (?:would like|would prefer|want|meant|said)|use|put|draw|show"
        r"|give (?:me|him|her)|have|with|try|let it be|let us have|do|turn it into|it should be|should be|as|in"
        r"|change (?:it|that) to)\s+(?:be\s+)?",
        "",
        new,
        flags=re.I,
    )
    if should := _SHOULD_BE.fullmatch(new):
        return draft.rewrite(prompt_rewriting.attribute(draft.prompt, should["thing"], should["quality"]))
    if IT.fullmatch(old):
        return draft.rewrite(prompt_rewriting.replace_with(draft.prompt, new))
    if swapped := prompt_rewriting.swap(draft.prompt, old, new):
        return draft.rewrite(swapped)
    are_worn = load_lexicon().find_kind(new) in {"headwear", "clothes"} and load_lexicon().find_kind(old) in {
        "headwear",
        "clothes",
    }
    return draft.rewrite(
        prompt_rewriting.add_phrase(draft.prompt, new) if are_worn else prompt_rewriting.replace_with(draft.prompt, new)
    )


@action
def correct(match: RuleMatch, draft: EditDraft) -> bool:
    """ "I meant a cat": replaces what was misunderstood."""
    new = strip_politeness(match["THING"])
    if re.search(
        r"\w (?:should|must|could|needs? to|has to|have to|ought to) be\s", new, re.I
    ):  # "the hat should be red"
        return False
    if re.match(r"(?:take|remove|delete|lose|drop|erase|ditch|cut|hide|get rid of)\s", new, re.I):
        return False
    if re.match(r"(?:none|zero|nothing|neither)$", new, re.I):  # "I asked for none"
        return bool(draft.edits)
    if none := re.match(r"(?:no|without|zero)\s+(?P<x>.+)", new, re.I):
        return draft.exclude(none["x"])
    if is_pronoun(new) or extract_term(new) is None:
        return False
    if other := prompt_rewriting.set_count(draft.prompt, new) or attribute_rewriting.modify_noun(draft.prompt, new):
        return draft.rewrite(other)
    return draft.rewrite(prompt_rewriting.correct(draft.prompt, new))


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
def do(match: RuleMatch, draft: EditDraft) -> bool:
    """ "Make him smile", "she should look up"; "pupils will laugh" requests nothing."""
    if re.search(r"\bwill\s", match.clause, re.I) or " than " in f" {match['REST']} ":
        return False
    return draft.add(strip_politeness(f"{gerund(match['DOING'].lower())} {match['REST']}"))
