"""Regular expressions for the words around a requested thing."""

import re

IT = re.compile(
    r"(?:it|this|that|him|her|them|things|everything|the result|these|those|one|the (?:picture|image|scene"
    r"|whole thing"
    r"|photo|whole picture|drawing|shot|subject|thing|style|whole image|whole scene))",
    re.I,
)


SOMEWHERE = re.compile(
    r"(?:in|on|at|under|by|near|inside|beside|against|above|below|next to|in front of|on top of|over|behind|beneath"
    r"|among|between|into|onto|within|outside|around|with|from|during|through|amid|before|atop|along|across)\s",
    re.I,
)


ARTICLE = re.compile(r"(?:an?|the)\s", re.I)


def strip_politeness(phrase: str) -> str:
    """Remove politeness and request words: "a hat too, please" -> "a hat"."""
    return re.sub(
        r"(?:\s+(?:please|thanks|instead|now|too|as well|to it|to the (?:picture|scene|image|photo)"
        r"|for (?:me|him|her|it)|if possible|in there|in it|then|maybe|this time|for a change|though|also"
        r"|somewhere))+[\s?!.]*$",
        "",
        phrase.strip(" .!?"),
        flags=re.I,
    ).strip(" .!?")
