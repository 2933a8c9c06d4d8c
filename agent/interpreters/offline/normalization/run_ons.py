"""Splits a clause where a second clause starts without punctuation."""

import re

_COMMAND_AFTER = re.compile(
    r"(?<=\w)\s+(?=(?:remove|delete|erase|lose|drop|ditch|kill|hide|get rid of|fix|take|move)"
    r" (?:it|them|that|those|this|him|her)\b(?:\s+(?:out|off|away|please|now))*\s*[.!?]*$)",
    re.I,
)
_REASON_AFTER = re.compile(
    r"(?<=\w)\s+(?=(?:it is|it's|its(?=\s(?:too|so|very|way|not|really|a bit|kinda|just|all"
    r"|\w+(?:ing|ed|ous|ful|less|ive|done)|ugly|stupid|silly|dumb|weird|awful|off|wrong|bad)\b)|it looks|it ruins"
    r"|it spoils|they are|they're|they look|it does|it doesn't|they don't"
    r"|(?:he|she|i|we) (?:does not|doesn't|do not|don't|never)|nobody|no one)\s"
    r"(?!(?!distracting|annoying|disturbing|irritating|confusing|jarring|ruining|killing|bugging|bothering|driving"
    r"|spoiling|blocking|hiding)\w+ing\b)\w)",
    re.I,
)
_NO_CLAUSE_AFTER = re.compile(
    r"(?:^|\s)(?:in|on|at|of|with|from|under|by|for|into|behind|not|don't|dont|didn't|didnt|never|to|you|please|and"
    r"|or|can|could|would|will|must|should|just|let's|let us"
    r"|how|what|when|why|where|who|that|which|if|like|as|because|since|until|while"
    r"|before|after|than|so|think"
    r"|thinks|say|says|guess|know|wish|hope|way|time|though|although|but|make sure|unless|whether|case|the|a|an|i|we"
    r"|they|he|she|it)$"
    r"|^(?!(?:please\s+)?(?:(?:can|could|would|will) (?:you|u|we) (?:please )?)?(?:remove|delete|erase|lose|drop|ditch"
    r"|kill|hide|get rid|take|no|cut|scrap|without|why|ugh|ew|not|there'?s|there|less|fewer|that|those|the|an?)\b)",
    re.I,
)
"""Words after which no clause starts: "don't | remove it", "I hate how dark | it is"."""


_TOO_X_TO_SEE = re.compile(
    r"^(?P<fault>.*\btoo\s+\w+)\s+"
    r"(?P<unseen>(?:(?:i|we|you)\s+)?(?:can't|can ?not)\s+(?:even\s+)?(?:see|read|tell|make out)\b.*)$",
    re.I,
)
""" "Too dark | can't see a thing"."""


def split_run_on(clause: str) -> list[str]:
    """Split a clause: "Get rid of the skull its overdone", "why the hat remove it"."""
    if parts := _TOO_X_TO_SEE.match(clause):
        return [parts["fault"], parts["unseen"]]
    for pattern in (_REASON_AFTER, _COMMAND_AFTER):
        if (joint := pattern.search(clause)) and not _NO_CLAUSE_AFTER.search(clause[: joint.start()]):
            return [clause[: joint.start()], clause[joint.end() :]]
    return [clause]
