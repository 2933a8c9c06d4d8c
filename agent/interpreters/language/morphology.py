"""Endings of English words."""

import re


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
