"""Response bodies of sessions, turns and replays."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from .....storage import Attempt, QuestionRecord, SessionRecord
from ....conversation import Turn
from ....handoff import wants_handoff
from ....judges import Verdict
from ....replay.regenerate import ReplayResult
from ....turn_serialization import question_json, source_json, turn_json
from ..jobs.turn_and_replay_jobs import ReplayJob, TurnJob
from ..urls import Urls

_TURN: dict[str, Any] = {
    "session": "3f9c2a71d0b45e86",
    "turn": 1,
    "parent": 0,
    "feedback": "too cartoonish",
    "edits": [{"op": "exclude", "term": "cartoon", "weight": 1.0}],
    "reply": "Excluded “cartoon”.",
    "prompt": "portrait of a man",
    "negative": "mustache, cartoon",
    "exclusions": [
        {
            "term": "mustache",
            "weight": 1.0,
            "source": "user",
            "since": 0,
            "words": "portrait of a man without mustache",
        },
        {"term": "cartoon", "weight": 1.0, "source": "user", "since": 1, "words": "too cartoonish"},
    ],
    "seed": 7,
    "steps": 20,
    "guidance": 5.0,
    "model": "mini",
    "image": (
        "http://127.0.0.1:8000/api/images/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08.png"
        "?session=3f9c2a71d0b45e86&turn=1"
    ),
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "seconds": 0.471,
    "question": None,
    "handoff": False,
    "links": {
        "page": "http://127.0.0.1:8000/?session=3f9c2a71d0b45e86",
        "replay": "http://127.0.0.1:8000/api/sessions/3f9c2a71d0b45e86/replay.html",
    },
}


def is_none(value: object) -> bool:
    """Whether an optional field is left out of a response."""
    return value is None


class ExclusionResponse(BaseModel):
    """An excluded term and its origin."""

    term: str
    weight: float
    source: str = Field(description="`user`, or `policy:NAME` for exclusions that the user can't remove.")
    since: int = Field(description="The turn that excluded it.")
    words: str = Field(description="The feedback that excluded it.")
    verdict: Verdict | None = Field(
        default=None, description="Whether it is gone from the picture. Only in verified turns.", exclude_if=is_none
    )
    judge: str | None = Field(
        default=None, description="The judge that said so, if one can tell. Only in verified turns.", exclude_if=is_none
    )
    probability: float | None = Field(
        default=None, description="The judge's probability that the picture shows it.", exclude_if=is_none
    )


class AuditedExclusionResponse(ExclusionResponse):
    """What one exclusion does: the picture of the turn without it, compared with the picture that has all of them."""

    max_abs_diff: int = Field(description="Largest difference of a channel, from 0 to 255.")
    mean_abs_diff: float
    psnr: float | None = Field(description="In dB; null if the pictures are equal.")
    changed: float = Field(description="The share of the pixels that change visibly.")
    has_effect: bool = Field(description="Whether the difference can be seen.")
    summary: str


class AuditResponse(BaseModel):
    """The audit of a turn. No picture is stored."""

    turn: int
    exclusions: list[AuditedExclusionResponse]


class VerificationResponse(BaseModel):
    """How a session's next turns are verified."""

    tries: int
    new_seeds: bool
    judges: list[str] = Field(description="Empty: the model's own, or the server's.")


class QuestionResponse(BaseModel):
    """What the user is asked when feedback is in doubt. The answer is feedback ("yes") or the edit `confirm`."""

    text: str
    edits: list[dict[str, Any]] = Field(
        description="The edits that “yes” makes. With `choose`, the candidates: `choice` is the index of one of them."
    )
    otherwise: list[dict[str, Any]] = Field(
        description="The edits that were not in doubt: they are made whatever the answer is."
    )
    choose: bool = Field(description="Whether the answer names one of `edits`.")

    @classmethod
    def from_question(cls, question: QuestionRecord | None) -> "QuestionResponse | None":
        """Build it from a stored question."""
        return None if question is None else cls(**question_json(question))


class LinksResponse(BaseModel):
    """Pages for people."""

    page: str = Field(description="The web page of the session.")
    replay: str = Field(description="A self-contained HTML report of all turns.")


class SourceResponse(BaseModel):
    """The picture that a turn starts from."""

    image: str = Field(description="URL of the picture.")
    sha256: str = Field(description="SHA-256 of its RGB pixels.")
    strength: float = Field(description="How much of it may change: 0 is nothing, 1 is everything.")
    mask: str | None = Field(description="URL of the mask: white may change.")

    @classmethod
    def from_turn(cls, turn: Turn, urls: Urls) -> "SourceResponse | None":
        """Build it from a stored turn."""
        source = source_json(turn)
        if source is None or turn.source_image is None:
            return None
        mask = None if turn.mask_image is None else urls.source(turn.mask_image)
        return cls(**{**source, "image": urls.source(turn.source_image), "mask": mask})


class TurnResponse(BaseModel):
    """A turn: feedback, edits, resulting state and picture."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TURN]})

    session: str
    turn: int = Field(description="Counts from 0 in order of creation.")
    parent: int | None = Field(description="The turn that it continues; null for turn 0.")
    feedback: str
    edits: list[dict[str, Any]]
    reply: str
    prompt: str
    negative: str
    exclusions: list[ExclusionResponse]
    seed: int
    steps: int
    guidance: float
    model: str
    image: str = Field(description="URL of the picture. It never changes and can't be guessed.")
    sha256: str = Field(description="SHA-256 of the RGB pixels.")
    seconds: float
    source: SourceResponse | None = Field(
        default=None, description="The picture that the turn starts from; null if it starts from noise."
    )
    question: QuestionResponse | None = Field(
        description="The open question about this picture: nothing is drawn before it is answered."
    )
    tries: int | None = Field(
        default=None, description="How many pictures were drawn for it. Only in verified turns.", exclude_if=is_none
    )
    handoff: bool = Field(
        description="Whether a person should take over: the user asked for one, or many turns did not help."
    )
    links: LinksResponse

    @classmethod
    def from_turn(cls, turn: Turn, urls: Urls) -> "TurnResponse":
        """Build it from a stored turn."""
        return cls(
            **{
                **turn_json(turn),
                "image": urls.image(turn.sha256, turn.session, turn.number),
                "source": SourceResponse.from_turn(turn, urls),
                "handoff": wants_handoff(turn.feedback, turn.number),
                "links": LinksResponse(page=urls.page(turn.session), replay=urls.replay(turn.session)),
            }
        )


class PendingTurnResponse(BaseModel):
    """A pending turn: read `events` to follow it, or `DELETE` that URL to cancel it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "session": "3f9c2a71d0b45e86",
                    "turn": 2,
                    "feedback": "and no fog",
                    "status": "queued",
                    "events": "http://127.0.0.1:8000/api/sessions/3f9c2a71d0b45e86/turns/2/events",
                }
            ]
        }
    )

    session: str
    turn: int = Field(description="Its number, unless another process takes that number first.")
    feedback: str
    status: Literal["queued", "drawing"]
    events: str

    @classmethod
    def from_job(cls, job: TurnJob, urls: Urls) -> "PendingTurnResponse":
        """Build it from a job of this process."""
        return cls(
            session=job.session,
            turn=job.number,
            feedback=job.words,
            status="drawing" if job.is_drawing else "queued",
            events=urls.events(job.session, job.number),
        )

    @classmethod
    def of_attempt(cls, attempt: Attempt, urls: Urls) -> "PendingTurnResponse":
        """Build it from an attempt that another process runs."""
        return cls(
            session=attempt.session,
            turn=attempt.turn.number,
            feedback=attempt.turn.feedback,
            status="drawing" if attempt.command is None else "queued",
            events=urls.events(attempt.session, attempt.turn.number),
        )


class SessionResponse(BaseModel):
    """A session: its current state and its pending turns."""

    session: str
    created_at: datetime | None = Field(description="Null until the first turn is done.")
    model: str | None
    policies: list[str]
    head: int | None = Field(description="The current turn, which the next one continues.")
    turns: int = Field(description="Number of turns.")
    prompt: str
    image: str | None = Field(description="URL of the picture at the head.")
    sha256: str | None = Field(description="SHA-256 of that picture's RGB pixels.")
    pending: list[PendingTurnResponse]
    verification: VerificationResponse | None = Field(
        default=None, description="Only if its turns are verified.", exclude_if=is_none
    )
    links: LinksResponse

    @classmethod
    def from_session(cls, session: SessionRecord, pending: list[TurnJob], urls: Urls) -> "SessionResponse":
        """Build it from a stored session and its running jobs."""
        return cls(
            session=session.id,
            created_at=session.created_at,
            model=session.model,
            policies=list(session.policies),
            head=session.head,
            turns=session.turns,
            prompt=session.prompt,
            image=urls.image(session.sha256, session.id, session.head),
            sha256=session.sha256,
            pending=[PendingTurnResponse.from_job(job, urls) for job in pending if job.can_draw],
            verification=None if session.verification is None else VerificationResponse(**session.verification),
            links=LinksResponse(page=urls.page(session.id), replay=urls.replay(session.id)),
        )


class SessionListResponse(BaseModel):
    """Sessions, newest first."""

    sessions: list[SessionResponse]
    next: str | None = Field(description="The `cursor` of the next page; null on the last page.")


class TurnListResponse(BaseModel):
    """All turns in order of creation, including abandoned branches."""

    turns: list[TurnResponse]


class ExclusionEventResponse(BaseModel):
    """A change of one term by a turn."""

    turn: int
    term: str
    before: float | None
    weight: float | None = Field(description="The new weight; null if the term was allowed again.")
    source: str
    words: str


class ExclusionHistoryResponse(BaseModel):
    """The history of a term on the path to the current turn."""

    session: str
    term: str
    events: list[ExclusionEventResponse]


class ReplayedTurnResponse(BaseModel):
    """The comparison of a redrawn turn with the stored picture."""

    turn: int
    identical: bool
    max_abs_diff: int = Field(description="Largest difference of a channel, from 0 to 255.")
    drift: dict[str, Any] | None = Field(description="Size of the difference, and what has changed in the environment.")


class ReplayResponse(BaseModel):
    """The result of a replay: all turns redrawn from their stored requests."""

    turns: list[ReplayedTurnResponse]
    identical: int

    @classmethod
    def from_results(cls, results: Sequence[ReplayResult]) -> "ReplayResponse":
        """Build it from the results of a replay."""
        turns = [ReplayedTurnResponse(**{"drift": None, **result.as_json()}) for result in results]
        return cls(turns=turns, identical=sum(result.identical for result in results))


class PendingReplayResponse(BaseModel):
    """A pending replay: read `events` to follow it, or `DELETE` that URL to cancel it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "session": "3f9c2a71d0b45e86",
                    "replay": "8d1e6f02c47ba935",
                    "turns": 3,
                    "events": ("http://127.0.0.1:8000/api/sessions/3f9c2a71d0b45e86/replays/8d1e6f02c47ba935/events"),
                }
            ]
        }
    )

    session: str
    replay: str
    turns: int = Field(description="Number of turns to redraw.")
    events: str

    @classmethod
    def from_job(cls, job: ReplayJob, urls: Urls) -> "PendingReplayResponse":
        """Build it from a running job."""
        return cls(
            session=job.session,
            replay=job.id,
            turns=len(job.turns),
            events=urls.replay_events(job.session, job.id),
        )
