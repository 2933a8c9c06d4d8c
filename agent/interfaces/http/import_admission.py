"""Checks of an imported session: it must have the key's policies and stay within the key's limits."""

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
    """The checks of one import. They raise `Problem` or `InvalidInputError`.

    A session that was started without a policy is refused rather than changed: its pictures were drawn without it.
    """

    def __init__(self, studio: Studio, config: ServerConfig, principal: Principal) -> None:
        self._studio, self._principal = studio, principal
        self._steps = principal.limits.steps or config.steps
        self._size = principal.limits.size or config.size
        self._policy: NegativePrompt | None = None

    def check_session(self, session: SessionRecord) -> None:
        """Raise `Problem` (403) if the session lacks one of the key's policies."""
        self._policy = self._studio.policies(self._principal.policies)
        for name in self._principal.policies:
            if name not in session.policies:
                raise _policy_needed(f"the session was started without the policy “{name}”, which this key requires")

    def check_turn(self, turn: NewTurn) -> None:
        """Raise if a turn is invalid or the key could not have created it."""
        check_turn(turn)
        request = GenerationRequest.create(**turn.request)
        if request.loras or request.embeddings:
            raise InvalidInputError(
                f"turn {turn.number} refers to LoRA or embedding files, which imports over HTTP may not"
            )
        self._check_limits(turn.number, request)
        self._check_policies(turn, request)

    def _check_limits(self, number: int, request: GenerationRequest) -> None:
        for name, value, maximum in (
            ("steps", request.num_inference_steps, self._steps),
            ("width", request.width, self._size),
            ("height", request.height, self._size),
        ):
            if value > maximum:
                detail = f"turn {number}, {name}: {value} is over the limit of {maximum}"
                raise Problem(403, "beyond-limit", "A limit is exceeded", detail)

    def _check_policies(self, turn: NewTurn, request: GenerationRequest) -> None:
        """Check every turn: each can be continued and redrawn, so each must follow the policies."""
        locked = {item.term: item.weight for item in turn.exclusions if item.source != "user"}
        negatives = parse_negative(request.negative_prompt), parse_negative(request.base_negative_prompt)
        for required in self._policy or ():
            weights = [locked.get(required.term, 0.0)]
            matches = (negative.find(required.term) for negative in negatives)
            weights += [exclusion.weight if exclusion else 0.0 for exclusion in matches]
            if min(weights) < required.weight:
                source = required.source.replace(":", " ")
                raise _policy_needed(f"turn {turn.number} does not exclude “{required.term}” as the {source} requires")
        self._studio.check_prompt(turn.prompt, self._principal.policies)


def _policy_needed(detail: str) -> Problem:
    return Problem(403, "policy-needed", "A policy of the key is missing", detail)
