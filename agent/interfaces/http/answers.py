"""What the server is asked and what it answers, as OpenAPI tells it."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from ....errors import InvalidInputError
from ....storage import SessionRecord
from ...conversation import Turn, turn_json
from ...edits import MAX_PROMPT_CHARACTERS, MAX_UNDONE_TURNS, Edit
from ...handoff import wants_handoff
from .links import Links
from .runs import Run

MAX_TURN = 2**31 - 1

Words = Annotated[str, Field(min_length=1, max_length=MAX_PROMPT_CHARACTERS, pattern=r"^[^\x00]*\S[^\x00]*$")]
"""Something that somebody says."""
WHOLE = BeforeValidator(lambda value: _whole(value))
"""Stands last with whole numbers: 7.0 is one, and true is none."""
Seed = Annotated[int, Field(ge=0, le=2**53 - 1, description="What every reader of JSON holds exactly."), WHOLE]
TurnNumber = Annotated[int, Field(ge=0, le=MAX_TURN), WHOLE]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]

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
    "image": "http://127.0.0.1:8000/api/images/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08.png",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "seconds": 0.471,
    "handoff": False,
    "links": {
        "page": "http://127.0.0.1:8000/?session=3f9c2a71d0b45e86",
        "replay": "http://127.0.0.1:8000/api/sessions/3f9c2a71d0b45e86/replay.html",
    },
}


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)  # true is no 1, and "7" no 7


_strictly: TypeAdapter[list[Edit]] = TypeAdapter(list[Edit])


def _whole(value: Any) -> Any:
    """The value with its numbers without a fraction as whole ones, wherever in it: JSON has but one kind."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {name: _whole(each) for name, each in value.items()}
        case list():
            return [_whole(each) for each in value]
        case _:
            return value


def _strict_edits(edits: Any) -> Any:
    try:
        return _strictly.validate_python(_whole(edits), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        if first["type"] == "value_error":  # no schema says that, such as that a term is too long
            raise InvalidInputError(f"edits.{place}: {first['ctx']['error']}") from None
        raise PydanticCustomError("edits", "{place}: {reason}", {"place": place, "reason": first["msg"]}) from None


class NewSession(_Asked):
    """What a session begins with; what is left out is the model's default, and the seed is drawn."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"prompt": "portrait of a man without mustache", "seed": 7}]}
    )

    prompt: Words = Field(description="What the picture should show; “without X” excludes X.")
    negative: str = Field(
        default="",
        max_length=MAX_PROMPT_CHARACTERS,
        pattern=r"^[^\x00]*$",
        description="Excluded besides, as negative prompts are written: `watermark, (blurry:1.3)`.",
    )
    seed: Seed | None = None
    steps: Annotated[int, Field(ge=1, le=1000), WHOLE] | None = None
    guidance: Annotated[float, Field(ge=0, le=100)] | None = None
    width: Annotated[int, Field(ge=8, le=8192, multiple_of=8), WHOLE] | None = None
    height: Annotated[int, Field(ge=8, le=8192, multiple_of=8), WHOLE] | None = None
    method: Literal["cfg", "apg", "perp_neg", "nag"] | None = None
    policies: list[Name] = Field(default=[], max_length=20)
    model: Name | None = None


class Feedback(_Asked):
    """What somebody says of the picture."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"feedback": "too cartoonish, and no watermark"}]})

    feedback: Words


class Edits(_Asked):
    """Changes without words: what buttons and chips do."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"edits": [{"op": "reweight", "term": "cartoon", "weight": 1.3}]}]}
    )

    edits: Annotated[list[Edit], BeforeValidator(_strict_edits), Field(min_length=1, max_length=50)]


class Seeded(_Asked):
    """The same again from a seed; from another one where none is named."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"seed": 8}, {}]})

    seed: Seed | None = None


class Undone(_Asked):
    """How many turns to go back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"turns": 1}]})

    turns: Annotated[int, Field(ge=1, le=MAX_UNDONE_TURNS), WHOLE] = 1


class Branched(_Asked):
    """Which turn to go on from."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"turn": 0}]})

    turn: TurnNumber


class Retried(_Asked):
    """Which turn to draw again; by default the latest that came to no picture."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"turn": 3}]})

    turn: TurnNumber | None = None


class ExclusionAnswer(BaseModel):
    """Something kept out, and who brought it."""

    term: str
    weight: float
    source: str = Field(description="`user`, or `policy:NAME`: those can't be taken out.")
    since: int = Field(description="The turn that brought it.")
    words: str = Field(description="The words that brought it.")


class LinksAnswer(BaseModel):
    """Where people can look."""

    page: str = Field(description="The session's page.")
    replay: str = Field(description="All of its turns on one page, to read and to keep.")


class TurnAnswer(BaseModel):
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
    exclusions: list[ExclusionAnswer]
    seed: int
    steps: int
    guidance: float
    model: str
    image: str = Field(description="The picture's address; it never changes, and nobody can guess it.")
    sha256: str = Field(description="Of the picture's RGB pixels.")
    seconds: float
    handoff: bool = Field(description="Whether a person should take over: they asked for one, or it still isn't right.")
    links: LinksAnswer

    @classmethod
    def of(cls, turn: Turn, links: Links) -> "TurnAnswer":
        """What is told of a turn."""
        return cls(
            **{
                **turn_json(turn),
                "image": links.image(turn.sha256),
                "handoff": wants_handoff(turn.feedback, turn.number),
                "links": LinksAnswer(page=links.page(turn.session), replay=links.replay(turn.session)),
            }
        )


class PendingAnswer(BaseModel):
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
    def of(cls, run: Run, links: Links) -> "PendingAnswer":
        """What is told of a run."""
        return cls(
            session=run.session,
            turn=run.number,
            feedback=run.words,
            status="drawing" if run.drawing else "queued",
            events=links.events(run.session, run.number),
        )


class SessionAnswer(BaseModel):
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
    pending: list[PendingAnswer]
    links: LinksAnswer

    @classmethod
    def of(cls, session: SessionRecord, pending: list[Run], links: Links) -> "SessionAnswer":
        """What is told of a session."""
        return cls(
            session=session.id,
            created_at=session.created_at,
            model=session.model,
            policies=list(session.policies),
            head=session.head,
            turns=session.turns,
            prompt=session.prompt,
            image=links.image(session.sha256),
            sha256=session.sha256,
            pending=[PendingAnswer.of(run, links) for run in pending if run.draws],
            links=LinksAnswer(page=links.page(session.id), replay=links.replay(session.id)),
        )


class SessionsAnswer(BaseModel):
    """Sessions, newest first."""

    sessions: list[SessionAnswer]


class TurnsAnswer(BaseModel):
    """Turns in order of creation, those of abandoned branches too."""

    turns: list[TurnAnswer]


class StoryEvent(BaseModel):
    """What a turn did to a term."""

    turn: int
    term: str
    before: float | None
    weight: float | None = Field(description="From then on; null where it was allowed again.")
    source: str
    words: str


class StoryAnswer(BaseModel):
    """A term's story on the way to a picture."""

    session: str
    term: str
    events: list[StoryEvent]


class ReplayedTurn(BaseModel):
    """How a turn's picture came out this time."""

    turn: int
    identical: bool
    max_abs_diff: int = Field(description="In levels of 255.")
    drift: dict[str, Any] | None = Field(default=None, description="How far it is off, and what differs since then.")


class ReplayAnswer(BaseModel):
    """All turns drawn again from their stored requests alone."""

    turns: list[ReplayedTurn]
    identical: int


class PolicyAnswer(BaseModel):
    """A pack of exclusions that always apply."""

    name: str
    title: str
    exclude: list[str]
    forbid: list[str]


class PoliciesAnswer(BaseModel):
    """The packs that a session can be begun with."""

    policies: list[PolicyAnswer]
    always: list[str] = Field(description="Those that apply to all of the caller's sessions.")


class ModelAnswer(BaseModel):
    """A model, and what it uses where nothing is asked for; null before it was first used."""

    name: str
    default: bool
    steps: int | None
    guidance: float | None
    width: int | None
    height: int | None


class ModelsAnswer(BaseModel):
    """The models that may be asked for."""

    models: list[ModelAnswer]


class Healthy(BaseModel):
    """It runs."""

    status: Literal["ok"] = "ok"
    version: str


class Ready(BaseModel):
    """Whether it can draw now, and what is missing."""

    ready: bool
    model: bool = Field(description="Whether the default model is loaded.")
    database: bool
    stopping: bool
