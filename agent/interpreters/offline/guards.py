"""Words that look like a request and are none: "no complaints", "don't remove the glasses"."""

import re

from .draft import Draft
from .lexicon import lexicon
from .removals import REMOVE
from .rule import Rule, nothing

_NOT = (
    r"(?:do not|don't|never|please don't|you don't (?:have|need) to|no need to"
    r"|not (?:necessary|needed) to|don't (?:you )?dare|i wouldn't|i would not"
    r"|i'd never|"
    r"i didn't (?:say|ask you|mean|want you) to|i don't want (?:you )?to"
    r"|don't want you to|better not|let's not|why would you|(?:please )?do not"
    r"|i'd rather not|i'd hate to|careful not to|there's no need to|not to"
    r"|would not|wouldn't|mustn't|must not|shouldn't)"
)
_EMPTY = (
    r"(?:complaints?|problems?|worries|worry|doubts?|idea|rush|hurry|notes?"
    r"|way|kidding|jokes?|joking|wonder|questions?|objections?"
    r"|changes?|regrets?|thanks|thank you|pressure|issues?|edits?|comments?"
    r"|stress|biggie|probs?|offen[cs]e|criticisms?|contest"
    r"|harm|chance|matter|reason|improvements?|tweaks?|adjustments?|hard feelings"
    r"|clue|bother|sweat|need|further|remarks|"
    r"suggestions|corrections?|modifications?|requests?|exaggeration|lie"
    r"|fuss|drama|big deal|prob|arguments?|more|less|"
    r"mistake|mistakes|denying|stopping|faults?|flaws?|such thing|other"
    r"|excuses|fear|luck|sense|point|use|nothing|not that)"
)


def _kept(match: re.Match[str], draft: Draft) -> bool:
    """ "Keep the hat": allowed again where it is out, no change else."""
    known = draft.known(match["x"])
    return draft.allow(known.term) if known else True


def _praised(match: re.Match[str], draft: Draft) -> bool:
    return lexicon().is_praise(match[0])


RULES = (
    Rule(
        r"(?:.*\b)?(?:ignore|forget|disregard|override|bypass|disable|drop|lift|remove|delete)\s+(?:all |any )?"
        r"(?:(?:of )?(?:the|your|my|our|these|those|previous|prior|above)\s+)*(?:[\w-]+\s+)?"
        r"(?:polic(?:y|ies)|instructions|guidelines|guardrails|system prompt)\b.*$",
        nothing,
    ),
    Rule(
        r"not (?:a single|one|any) (?:flaw|fault|complaint|mistake|error|issue" r"|problem|thing|word|change)\b.*$",
        nothing,
    ),
    Rule(
        r"(?:(?:i(?:'ve| have)? |we(?:'ve| have)? |there(?:'s| is| are) |have "
        r"|got )?(?:got )?no|zero|without(?: a| any)?)\s+(?:more\s+|further\s+"
        rf"|other\s+|real\s+|particular\s+|major\s+)?{_EMPTY}(?:\s+(?:about"
        r"|whatsoever|here|from|with|at|to|so|man|i|it|that|this|on|you|needed"
        r"|necessary|required|please)\b.*)?[\s!?.]*$",
        nothing,
    ),
    Rule(
        r"(?:no|without(?: a| any)?)\s+(?:doubt|question|wonder|kidding|joke"
        r"|way|denying|need|exaggeration)\b(?!\s+(?:marks?|signs?)).*$",
        nothing,
    ),
    Rule(
        r"(?:nothing|never mind|nevermind|can't complain|cannot complain|couldn't be"
        r"|could not be|couldn't (?:ask|wish|agree)|don't worry|no one|nobody)\b(?!.*\b(?:asked"
        r"|wants|wanted|needs|ordered|likes|invited)\b).*$",
        nothing,
    ),
    Rule(
        rf"(?:.{{0,60}}?\b)?{_NOT}\s+(?:ever\s+|even\s+|think of\s+|try to\s+)?(?:{REMOVE}"
        r"|remov\w*|los(?:e|ing)|drop\w*|tak(?:e|ing)(?= .*\b(?:out|off|away)\b"
        r"|\s+(?:out|away|off))|get(?:ting)? rid of|touch|chang(?:e|ing)|alter"
        r"|move|mess with|crop|cover|cut|replace|modify|delet\w*|lose|hid(?:e"
        r"|ing)|edit|fix|swap|sharpen|do anything|adjust|undo|reset|start over"
        r"|exclud\w*|avoid\w*|forget|leave out|leave off)\b.*$",
        nothing,
        lead="keep",
    ),
    Rule(r"(?:not|never)\s+(?:without|minus|sans)\b.*$", nothing),
    Rule(
        r"without (?:it|them|that|this|him|her|the [\w ]+?|a [\w ]+?) (?:it"
        r"|this|that|he|she|they|the|you|we|i)(?:'d|'s|'ll| would| wouldn't"
        r"| is| isn't| will| won't| looks?| can't| couldn't| lose)\b.*$",
        nothing,
    ),
    Rule(
        r".*\b(?:nothing|boring|empty|naked|incomplete|sad|lost|unthinkable" r"|pointless|dull|lonely)\s+without\b.*$",
        nothing,
    ),
    Rule(
        r"(?:don't|do not|never) (?:make|get|turn|let) (?:it|him|her|them"
        r"|this|that|the \w+) (?:get |become |be )?(?:any |even |still |much )*"
        r"(?:more|less|\w+er)\b.*$",
        nothing,
    ),
    Rule(r".*\b(?:n't|not|never|nothing)\b.*\bthe same without\b.*$", nothing),
    Rule(r".*\b(?:don't|do not|wouldn't|can't imagine|can't do|couldn't do" r"|can't live) .*\bwithout\b.*$", nothing),
    Rule(
        r"(?:i (?:want|need|'d like) (?:you )?to\s+)?(?:keep|preserve|retain"
        r"|save|leave(?!\s+(?:out|off|away))|hold on to|stick with|maintain"
        r"|hang on to)(?! (?:.* )?(?:out|off|away)(?: |$))\s+(?P<x>.+)$",
        _kept,
        lead="keep",
    ),
    Rule(
        r"(?P<x>.+?)\s+(?:stays?|should stay|must stay|can stay|is staying"
        r"|are staying|needs? to stay|ha(?:s|ve) to stay|may stay|should remain"
        r"|can remain|should be kept|must be kept|must not go|mustn't go|shouldn't go"
        r"|should not go|stay put)\b.*$",
        _kept,
        lead="keep",
    ),
    Rule(
        r"(?:.{0,40}?\b)?(?:not|isn't|aren't|wasn't|never|n't|hardly|can't be"
        r"|can never be|could never be|can't have|can never have|nothing is)\s+"
        r"(?:be |have |at all |really |even |ever |that |look |feel |seem )?(?:too"
        r"|overly|excessively)\s+(?!much of)(?:.*)$",
        nothing,
    ),
    Rule(
        r"(?:it's|it is|that's|that is|this is|they're|it)?\s*not\s+(?:bad"
        r"|terrible|wrong|ugly|awful|a problem|an issue|an? (?:bad|terrible) .*"
        r"|shabby|worse|half bad|that bad|hard|important|necessary|needed"
        r"|sure|yet|really|only|just|that|kidding|joking|at all|a big deal"
        r"|to (?:worry|complain)|much|(?:\w+ )?anymore|(?:\w+ )?any more|(?:\w+ )?any longer)\b.*$",
        nothing,
    ),
    Rule(
        r"(?:i )?(?:don't|do not|wouldn't|would not|couldn't|can't) (?:change"
        r"|complain|see (?:a|any) (?:problem|issue)s?|have (?:any )?(?:complaints?"
        r"|notes?|objections?|problems?)|think (?:it|that|this|the .*) (?:is"
        r"|looks|needs?) (?:too|any).*|need (?:anything|any changes|to)|get "
        r"(?:any )?better|care|know|worry|stop)\b.*$",
        nothing,
    ),
    Rule(r"(?:.*\b)?(?:no longer|not .* any ?more|isn't .* any ?more|aren't .* any ?more)\b.*$", nothing),
    Rule(
        r"(?P<x>.+?)(?:\s+(?:is|are|has|have)|'s|'re)\s+(?:finally |now |all "
        r"|already |completely |totally |at last )*(?:gone|disappeared|vanished"
        r"|removed|fixed|solved|sorted|better)(?:\s+(?:now|finally|at last"
        r"|thanks|good|too|great))?$",
        nothing,
    ),
    Rule(
        r"(?:i |we |my \w+ |he |she |they )?(?:really |absolutely |so |do "
        r"|just |still |actually |quite |totally )*(?:loves?|likes?|adores?"
        r"|enjoy|digs?|appreciate|liked|loved)\b(?!.*\b(?:without|instead"
        r"|if it|if there|back|more if|except|apart from|aside from|other than)\b).*$",
        nothing,
    ),
    Rule(
        r"(?:good|great|nice|lovely|perfect|excellent|awesome|wow|brilliant)\s+"
        r"(?:that|there's|there is|with|to see)?\s*(?:no|without|how)\b.*$",
        _praised,
    ),
    Rule(
        r"(?:i'm|i am|we're|im) (?:happy|glad|pleased|satisfied|delighted" r"|thrilled|ok|okay|fine|good)\b(?! if).*$",
        nothing,
    ),
)
"""Ways to ask for nothing, tried first."""
