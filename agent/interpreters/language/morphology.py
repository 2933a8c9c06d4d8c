"""Inflection of English verbs."""

import re


def inflect(verb: str) -> list[str]:
    """ "drop*" -> drop, drops, dropped, dropping; also for phrases such as "edit* out"."""
    stem, _, rest = verb.partition("*")
    return [form + rest for form in (stem, _third_person(stem), past_tense(stem), gerund(stem))]


def _third_person(verb: str) -> str:
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ies"
    return verb + ("es" if re.search(r"(?:s|x|z|ch|sh|o)$", verb) else "s")


def past_tense(verb: str) -> str:
    """ "drop" -> "dropped". Regular verbs only."""
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ied"
    return _double_consonant(verb) + ("d" if verb.endswith("e") else "ed")


def gerund(verb: str) -> str:
    """ "smile" -> "smiling", "sit" -> "sitting"."""
    if verb.endswith("ing") and len(verb) > 5:
        return verb
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")):
        return verb[:-1] + "ing"
    return _double_consonant(verb) + "ing"


def _double_consonant(verb: str) -> str:
    return verb + (verb[-1] if re.fullmatch(r"[^aeiou]*[aeiou][bdgmnprt]", verb) else "")
