"""What is answered of sessions, turns and replays, as OpenAPI tells it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from .....storage import Attempt, SessionRecord
from ....conversation import Turn
from ....handoff import wants_handoff
from ....replay.regenerate import ReplayResult
from ....turn_json import turn_json
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
    "handoff": False,
    "links": {
        "page": "http://127.0.0.1:8000/?session=3f9c2a71d0b45e86",
        "replay": "http://127.0.0.1:8000/api/sessions/3f9c2a71d0b45e86/replay.html",
    },
}


class ExclusionResponse(BaseModel):
    """Something kept out, and who brought it."""

    term: str
    weight: float
    source: str = Field(description="`user`, or `policy:NAME`: those can't be taken out.")
    since: int = Field(description="The turn that brought it.")
    words: str = Field(description="The words that brought it.")


class LinksResponse(BaseModel):
    """Where people can look."""

    page: str = Field(description="The session's page.")
    replay: str = Field(description="All of its turns on one page, to read and to keep.")


class TurnResponse(BaseModel):
    """A turn: what was said, what it changed, and the picture."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TURN]})

    session: str
    turn: int = Field(description="Counted from 0 in order of creation.")
    parent: int | None = Field(description="The turn it grew from; null for 0.")
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
    image: str = Field(description="The picture's address; it never changes, and nobody can guess it.")
    sha256: str = Field(description="Of the picture's RGB pixels.")
    seconds: float
    handoff: bool = Field(description="Whether a person should take over: they asked for one, or it still isn't right.")
    links: LinksResponse

    @classmethod
    def from_turn(cls, turn: Turn, urls: Urls) -> "TurnResponse":
        """What is told of a turn."""
        return cls(
            **{
                **turn_json(turn),
                "image": urls.image(turn.sha256, turn.session, turn.number),
                "handoff": wants_handoff(turn.feedback, turn.number),
                "links": LinksResponse(page=urls.page(turn.session), replay=urls.replay(turn.session)),
            }
        )


class PendingTurnResponse(BaseModel):
    """A turn on its way: follow `events`, or `DELETE` them to cancel it."""

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
    turn: int = Field(description="The number that it will have, unless another program takes it first.")
    feedback: str
    status: Literal["queued", "drawing"]
    events: str

    @classmethod
    def from_job(cls, job: TurnJob, urls: Urls) -> "PendingTurnResponse":
        """What is told of a run."""
        return cls(
            session=job.session,
            turn=job.number,
            feedback=job.words,
            status="drawing" if job.drawing else "queued",
            events=urls.events(job.session, job.number),
        )

    @classmethod
    def of_attempt(cls, attempt: Attempt, urls: Urls) -> "PendingTurnResponse":
        """What is told of a turn that another process works on."""
        return cls(
            session=attempt.session,
            turn=attempt.turn.number,
            feedback=attempt.turn.feedback,
            status="drawing" if attempt.command is None else "queued",
            events=urls.events(attempt.session, attempt.turn.number),
        )


class SessionResponse(BaseModel):
    """A session: where it stands, and what is on its way."""

    session: str
    created_at: datetime | None = Field(description="Null while its first picture is drawn.")
    model: str | None
    policies: list[str]
    head: int | None = Field(description="The turn that the next one grows from.")
    turns: int = Field(description="How many there are.")
    prompt: str
    image: str | None = Field(description="The address of the picture at the head.")
    sha256: str | None = Field(description="Of that picture's RGB pixels.")
    pending: list[PendingTurnResponse]
    links: LinksResponse

    @classmethod
    def from_session(cls, session: SessionRecord, pending: list[TurnJob], urls: Urls) -> "SessionResponse":
        """What is told of a session."""
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
            pending=[PendingTurnResponse.from_job(run, urls) for run in pending if run.can_draw],
            links=LinksResponse(page=urls.page(session.id), replay=urls.replay(session.id)),
        )


class SessionListResponse(BaseModel):
    """Sessions, newest first."""

    sessions: list[SessionResponse]
    next: str | None = Field(description="The `cursor` of the next page; null after the last one.")


class TurnListResponse(BaseModel):
    """Turns in order of creation, those of abandoned branches too."""

    turns: list[TurnResponse]


class ExclusionEventResponse(BaseModel):
    """What a turn did to a term."""

    turn: int
    term: str
    before: float | None
    weight: float | None = Field(description="From then on; null where it was allowed again.")
    source: str
    words: str


class ExclusionHistoryResponse(BaseModel):
    """A term's story on the way to a picture."""

    session: str
    term: str
    events: list[ExclusionEventResponse]


class ReplayedTurnResponse(BaseModel):
    """How a turn's picture came out this time."""

    turn: int
    identical: bool
    max_abs_diff: int = Field(description="In levels of 255.")
    drift: dict[str, Any] | None = Field(description="How far it is off, and what differs since then.")


class ReplayResponse(BaseModel):
    """All turns drawn again from their stored requests alone."""

    turns: list[ReplayedTurnResponse]
    identical: int

    @classmethod
    def from_results(cls, results: Sequence[ReplayResult]) -> "ReplayResponse":
        """What is told of a replay."""
        turns = [ReplayedTurnResponse(**{"drift": None, **result.as_json()}) for result in results]
        return cls(turns=turns, identical=sum(result.identical for result in results))


class PendingReplayResponse(BaseModel):
    """A replay on its way: follow `events`, or `DELETE` them to cancel it."""

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
    turns: int = Field(description="How many will be drawn.")
    events: str

    @classmethod
    def from_job(cls, job: ReplayJob, urls: Urls) -> "PendingReplayResponse":
        """What is told of a replay that has begun."""
        return cls(
            session=job.session,
            replay=job.id,
            turns=len(job.turns),
            events=urls.replay_events(job.session, job.id),
        )
