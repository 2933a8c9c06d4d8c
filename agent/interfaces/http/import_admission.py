"""What a session from elsewhere has to be for a key to keep it here: nothing that the key couldn't have asked for."""

from ....errors import InvalidInputError
from ....generation import GenerationRequest
from ....storage import NewTurn, SessionRecord
from ...exclusions import NegativePrompt, parse_negative
from ...import_validation import check_turn
from ...studio import Studio
from .auth import Principal
from .config import ServerConfig
from .problems import Problem


class Admission:
    """The checks of one import. They raise `Problem`, or `InvalidInputError`, with what is in the way.

    A policy is not added to a session that was begun without it: its pictures would still be those of another one.
    """

    def __init__(self, studio: Studio, config: ServerConfig, principal: Principal) -> None:
        self._studio, self._caller = studio, principal
        self._steps = principal.limits.steps or config.steps
        self._size = principal.limits.size or config.size
        self._policy: NegativePrompt | None = None

    def check_session(self, session: SessionRecord) -> None:
        """Refuse a session without one of the key's policies."""
        self._policy = self._studio.policies(self._caller.policies)
        for name in self._caller.policies:
            if name not in session.policies:
                raise _policy_needed(f"the session was begun without the policy “{name}”, which this key is bound to")

    def check_turn(self, turn: NewTurn) -> None:
        """Refuse a turn that can't be, or that the key couldn't have made."""
        check_turn(turn)
        request = GenerationRequest.create(**turn.request)
        if request.loras or request.embeddings:
            raise InvalidInputError(
                f"turn {turn.number} names files of another machine (LoRAs or embeddings), which are not loaded here"
            )
        self._check_limits(turn.number, request)
        self._check_policies(turn, request)

    def _check_limits(self, number: int, request: GenerationRequest) -> None:
        for name, asked, most in (
            ("steps", request.num_inference_steps, self._steps),
            ("width", request.width, self._size),
            ("height", request.height, self._size),
        ):
            if asked > most:
                detail = f"turn {number}, {name}: at most {most} may be asked for, not {asked}"
                raise Problem(403, "beyond-limit", "That is more than is allowed", detail)

    def _check_policies(self, turn: NewTurn, request: GenerationRequest) -> None:
        """Each turn can be gone on from and drawn again, so that each has to keep to the policies."""
        locked = {each.term: each.weight for each in turn.exclusions if each.source != "user"}
        written = parse_negative(request.negative_prompt), parse_negative(request.base_negative_prompt)
        for needed in self._policy or ():
            weights = [locked.get(needed.term, 0.0)]
            weights += [found.weight if (found := each.find(needed.term)) else 0.0 for each in written]
            if min(weights) < needed.weight:
                raise _policy_needed(
                    f"turn {turn.number} does not exclude “{needed.term}” as the {needed.source.replace(':', ' ')} asks"
                )
        self._studio.check_prompt(turn.prompt, self._caller.policies)


def _policy_needed(detail: str) -> Problem:
    return Problem(403, "policy-needed", "A policy of the key is missing", detail)
