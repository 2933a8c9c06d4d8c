"""Verifies a turn whose picture is drawn, tries again what is still there, and chooses the best picture."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...generation import GenerationRequest, Picture, generate
from ...generation.errors import GenerationError, InvalidRequestError
from ...storage import Attempt, ExclusionRecord, NewTurn
from ...storage.images import pixels_sha256
from ..exclusions import NegativePrompt
from ..judges import JudgePanel
from ..turn_png import turn_png_text
from ..waiting import report
from .ladder import Attempted, plan_next
from .options import VerifyOptions
from .record import KEY, How, TermVerdict, Try, Verification
from .replies import describe_verification

if TYPE_CHECKING:
    from ..studio import OnStep, Studio


@dataclass(frozen=True)
class _Drawn:
    """A drawn try."""

    attempted: Attempted
    picture: Picture
    record: Try


def verify_turn(
    studio: "Studio", attempt: Attempt, picture: Picture, on_step: "OnStep | None" = None
) -> tuple[Attempt, Picture]:
    """Verify a pending turn whose first picture is drawn, if its session asks for that.

    Returns the attempt with verdicts, a record of all tries and a reply about them, and the best picture. The first
    picture is kept before any judge sees it, so that a crash does not lose the turn. A judge or a further try that
    fails never does; only what `on_step` raises ends the turn.
    """
    options = _find_options(studio, attempt)
    if options is None or not attempt.turn.exclusions:
        return attempt, picture
    attempt = studio.store.attempts.keep_drawn(attempt, picture.image, turn_png_text(attempt.turn), picture.seconds)
    panel = studio.judges(options.judges, str(attempt.turn.request["model"]))
    tries, failures = _draw_tries(studio, attempt.turn, picture, panel, options, on_step)
    chosen = min(range(len(tries)), key=lambda k: tries[k].record.rank)  # the earliest of equals
    record = Verification(
        tries=tuple(each.record for each in tries), chosen=chosen, failures=tuple(dict.fromkeys(failures))
    )
    turn = _apply(attempt.turn, tries[chosen], record)
    reply = describe_verification(turn, record, can_change_seed=not options.new_seeds)
    turn = replace(turn, reply=" ".join([turn.reply, *reply]))
    seconds = sum(each.picture.seconds for each in tries)
    return replace(attempt, turn=turn), replace(tries[chosen].picture, seconds=seconds)


def _find_options(studio: "Studio", attempt: Attempt) -> VerifyOptions | None:
    start = attempt.start
    stored = start.verification if start is not None else studio.store.session(attempt.session).verification
    return VerifyOptions.from_json(stored)


def _draw_tries(
    studio: "Studio",
    turn: NewTurn,
    first: Picture,
    panel: JudgePanel,
    options: VerifyOptions,
    on_step: "OnStep | None",
) -> tuple[list[_Drawn], list[str]]:
    """All tries, the first picture among them, and a line for each failure."""
    failures: list[str] = []
    request = GenerationRequest.create(**turn.request)
    attempted = Attempted("first", NegativePrompt.from_records(turn.exclusions), request)
    tries, tried = [_judge(attempted, first, panel, failures)], list[How]()
    while len(tries) <= options.tries and (there := tries[-1].record.terms("there")):
        found = {term: tries[-1].record.verdicts[term].region for term in there}
        following = plan_next(
            attempted,
            tries[-1].attempted,
            found,
            tried,
            can_exclude=studio.engine(request.model).can_exclude,
            new_seeds=options.new_seeds,
        )
        if following is None:
            break
        tried.append(following.how)
        try:
            picture = generate(studio.engine(request.model), following.request, on_step)
        except InvalidRequestError as error:  # not every model can draw every change
            failures.append(f"a try with another {following.how} was refused: {error}")
            if following.how == "seed":
                break
            continue
        except GenerationError as error:
            failures.append(f"another try failed: {error}")
            break
        tries.append(_judge(following, picture, panel, failures))
    return tries, failures


def _judge(attempted: Attempted, picture: Picture, panel: JudgePanel, failures: list[str]) -> _Drawn:
    terms = [exclusion.term for exclusion in attempted.negative]
    image = picture.image.convert("RGB")
    with report("checking the picture"):
        found = panel.judge(image, terms)
    failures += found.failures
    record = Try(
        how=attempted.how,
        request=attempted.request.model_dump(mode="json"),
        sha256=pixels_sha256(image),
        seconds=round(picture.seconds, 4),
        verdicts={term: TermVerdict.from_finding(finding) for term, finding in found.by_term.items()},
    )
    return _Drawn(attempted, picture, record)


def _apply(turn: NewTurn, chosen: _Drawn, record: Verification) -> NewTurn:
    """The turn as the chosen try was drawn, with its verdicts."""
    request, effect = chosen.attempted.request, chosen.picture.negative_effect
    provenance = {**(turn.provenance or {}), KEY: record.model_dump(mode="json")}
    if effect is not None:
        provenance["negative_effect"] = round(effect, 4)
    return replace(
        turn,
        negative=request.negative_prompt,
        exclusions=_with_verdicts(chosen.attempted.negative, chosen.record),
        seed=request.seed,
        request=request.model_dump(mode="json"),
        provenance=provenance,
    )


def _with_verdicts(negative: NegativePrompt, record: Try) -> tuple[ExclusionRecord, ...]:
    verdicts = record.verdicts
    return tuple(
        replace(
            each,
            verdict=verdicts[each.term].verdict,
            judge=verdicts[each.term].judge,
            probability=verdicts[each.term].probability,
        )
        for each in negative.as_records()
    )
