"""Words about what is wrong with the picture."""

import re

from .faults import (
    BE,
    HEDGE,
    MADE,
    NUMBER,
    bad,
    bare,
    complain,
    counted,
    exclude,
    faulty,
    hedged,
    looks_like,
    not_enough,
    not_right,
    pointed_at,
    too,
)
from .lexicon import lexicon
from .rule import Rule

RULES = (
    Rule(
        r"(?:.*\b)?(?:looks?|feels?|seems?)\s+(?:too |a bit |so |very |rather )*"
        r"(?P<x>drawn|painted|rendered|sketched|animated)\b.*$",
        lambda match, draft: draft.exclude_term(MADE[match["x"].lower()]),
    ),
    Rule(
        r"(?:i )?keep (?:looking|staring) at\s+(?P<x>.+)$",
        exclude,
    ),
    Rule(
        r"(?:my|the|your) (?:eyes?|gaze|attention) (?:keeps? |is |are |just "
        r"|always )*(?:go|goes|going|drift\w*|jump\w*|drawn|pulled|wander\w*)"
        r" (?:straight |right |back |immediately )*(?:to|towards?)\s+(?P<x>.+)$",
        exclude,
    ),
    Rule(
        r"(?P<s>.+?)\s+(?:\w+\s+)?(?:in|at|to) (?:the |an? )?(?:wrong|different"
        r"|impossible|odd|opposite|weird|strange) (?:direction|way|angle|place)s?\b.*$",
        lambda match, draft: complain(
            draft, re.sub(r"\s+(?:point|look|go|fall|face|bend|are|is)\w*$", "", match["s"]), "wrong"
        ),
    ),
    Rule(r".*\b(?P<x>\w+ (?:cast|tint|tinge|hue))\b.*$", exclude),
    Rule(
        r"(?:(?P<s>.+?)\s+)?(?:is|are|isn't|aren't|it's|they're|looks?|don't look"
        r"|doesn't look|not)\s+(?:not )?(?:really |very |quite |that |all that "
        r"|so )?"
        r"(?P<q>sharp|in focus|realistic|symmetrical|readable|legible|crisp"
        r"|focused|lifelike|photorealistic)(?:\s+(?:here|at|in)\b.*)?$",
        lambda match, draft: bool(re.search(r"n't|\bnot\b", match[0])) and not_enough(match, draft),
    ),
    Rule(
        r"(?:i )?(?:can |could )?(?:barely|hardly)(?: can)? (?:make out|see|recogni[sz]e|read)\b.*$",
        lambda match, draft: draft.exclude_term("blurry"),
    ),
    Rule(r"(?P<x>(?:lots|loads|tons|a lot|plenty) of .+)$", pointed_at),
    Rule(rf"(?:(?P<s>.*?)\s)?(?:{HEDGE})too\s+(?P<q>.+)$", too, lead="too"),
    Rule(
        rf"(?:(?P<s>.+?)(?:{BE})\s+)?(?:overly|excessively|unnecessarily|unnaturally"
        r"|over the top|far from|needlessly|distractingly|annoyingly|unbearably"
        r"|insanely|ridiculously|absurdly|crazy)\s+(?P<q>.+)$",
        too,
        lead="too",
    ),
    Rule(
        rf"(?:(?P<s>.+?)(?:{BE})?\s+)?(?:not|n't|isn't|aren't|nowhere near"
        r"|hardly)\s+(?:quite |nearly |really |look |looking |be )*(?P<q>[\w -]+?)\s+enough\b.*$",
        not_enough,
    ),
    Rule(r"not enough\s+(?P<q>[\w -]+?)(?:\s+(?:in|on|for|here|at)\b.*)?$", not_enough),
    Rule(
        r"(?:lacks?|lacking|no|needs? more|missing)\s+(?P<q>sharpness|contrast"
        r"|detail|definition|clarity|warmth|realism|vibrance|life)\b.*$",
        lambda match, draft: draft.exclude_term(
            {
                "sharpness": "blurry",
                "contrast": "low contrast",
                "detail": "low detail",
                "definition": "blurry",
                "clarity": "blurry",
                "warmth": "cold",
                "realism": "unrealistic",
                "vibrance": "dull colors",
                "life": "lifeless",
            }[match["q"].lower()]
        ),
    ),
    Rule(
        r"(?:.*\b)?(?:has|have|with|got|had|sees?|count|counting|grew|grown"
        r"|are|is|there's|were|i count|'s got)\s+(?:like |only |now |got "
        rf"|about |somehow |at least )*{NUMBER}\s+(?P<left>left |right )?(?P<part>\w+)\b.*$",
        counted,
    ),
    Rule(
        rf"(?:like |only |got )*{NUMBER}\s+(?P<left>left |right )?(?P<part>fingers"
        r"|arms|legs|thumbs|toes|heads|hands|eyes|ears|feet|tails|noses)\b.*$",
        counted,
    ),
    Rule(
        r"(?:.*\b)?(?:is |are |'s )?(?:missing|lost|without|lacks?|lacking)\s+"
        r"(?:a|an|one|some|his|her|its|two|several)\s+(?P<part>finger|arm"
        r"|leg|thumb|toe|hand|eye|ear|foot|limb|nose|wing|tail|wheel)s?\b.*$",
        lambda match, draft: draft.exclude_term(f"missing {match['part'].lower()}s"),
    ),
    Rule(
        r"(?:one|a|his|her|its)\s+(?:\w+ )?(?P<part>finger|arm|leg|thumb|toe"
        r"|hand|eye|ear|foot|limb|wing|wheel)s?\s+(?:is|are|went)\s+missing\b.*$",
        lambda match, draft: draft.exclude_term(f"missing {match['part'].lower()}s"),
    ),
    Rule(
        r"(?P<x>.+?)\s+(?:is|are|got|gets|was|were|looks?)\s+(?:all |partly "
        r"|badly |half |a bit |slightly |weirdly )*(?:cut off|cropped(?: off"
        r"| out)?|chopped off|cut in half|out of (?:the )?frame|sliced off"
        r"|lopped off|truncated)\b.*$",
        lambda match, draft: draft.exclude_term("cropped"),
    ),
    Rule(
        r"(?!(?:make|have|let|get|turn|render|paint|draw|i want|i'd|style)\b"
        r"|.*\b(?:should|could|must|needs to)\b)"
        r"(?:(?P<s>.+?)\s+)?(?:is |are |it's |its |that's |kind of |sort of "
        r"|just |really |totally |almost |a bit |all |still |way |very )*"
        r"(?:looks?|feels?|reads?|seems?|sounds?|comes? (?:off|across)|came out"
        r"|looking|appears?|reminds? me|smells?|screams?|giving|resembles?"
        r"|more)\s+(?:a bit |more |kind of |sort of |just |too much |a lot "
        r"|almost |exactly |totally |rather |of |as if |as though |very |too )*"
        r"(?:like|as|of|as if|as though|(?<=screams)|(?<=resembles)|(?<=giving))\s+"
        r"(?P<x>.+)$",
        looks_like,
    ),
    Rule(
        r"(?P<x>[\w -]+?)\s+vibes?\b.*$",
        lambda match, draft: lexicon().is_praise(match[0]) or draft.exclude(match["x"]),
    ),
    Rule(rf"(?P<s>.+?){BE}\s+{HEDGE}(?P<q>(?:not )?[\w' -]+)$", faulty, lead=""),
    Rule(
        r"(?P<x>.+?)\s+(?:don't|doesn't|do not|does not)\s+(?:look|seem|feel"
        r"|appear)\s+(?:quite |very |so |all that )*(?:right|natural|real"
        r"|realistic|normal|human|good|correct|convincing|great|properly)\b.*$",
        lambda match, draft: not_right(match, draft),
    ),
    Rule(
        rf"(?:(?P<s>.+?)(?:{BE})\s+)?(?:a bit|a little(?: bit)?|a tad|a touch"
        r"|slightly|somewhat|rather|kind of|sort of|bit|a wee bit)\s+(?:on the\s+)?(?P<q>[\w' -]+?"
        r")(?:\s+side)?$",
        hedged,
        lead="a bit",
    ),
    Rule(
        r"(?:(?:it's|its|it is|this is|that's|these are|everything's|everything is"
        r"|so|very|super|really|looks?|feels?|why so|such an?|hella|ultra"
        r"|looking|quite|pretty|all)\s+)+(?P<q>[\w' -]+)$",
        faulty,
    ),
    Rule(
        r"(?:those|these|that|the|his|her)\s+(?P<x>hands|fingers|eyes|teeth"
        r"|feet|legs|arms|face|faces|ears|nose|mouth)[\s!.]*$",
        bad,
    ),
    Rule(r".+$", bare, lead=""),
    Rule(
        r"(?:and |but |i think |i see |i notice |i spot |i noticed |i spotted "
        r"|look |i can see |now |suddenly )*(?:there(?:'s| is| are|'re)|here's"
        r"|i see|i notice|i spot|i can see|it has|it's got|he has|she has"
        r"|he's got|she's got|you added|you gave (?:him|her|it)|got|he's wearing"
        r"|she's wearing|has got)\s+(?!no\b|not\b|nothing\b)(?P<x>.+)$",
        pointed_at,
    ),
)
"""Ways to say that something is wrong."""
