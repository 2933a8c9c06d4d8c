"""Resources that conversations share: the store, the interpreter, and one engine per model."""

import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..errors import InvalidInputError
from ..generation import Engine, GenerationRequest, Progress, to_absolute
from ..generation.provenance import adapters_sha256
from ..storage import Store
from . import policies
from .exclusions import NegativePrompt
from .interpreters import Interpreter, LLMInterpreter, OfflineInterpreter
from .interpreters.llm import LLMClient
from .session_locks import SessionLocks
from .settings import Settings

OnStep = Callable[[Progress], None]
"""Called after every step of a picture."""


def create_interpreter(settings: Settings) -> Interpreter:
    """The interpreter of the settings. `auto` is a language model if the settings have its key or base URL."""
    key, base_url = settings.openai_api_key, settings.openai_base_url
    if settings.interpreter == "offline" or (settings.interpreter == "auto" and not (key or base_url)):
        return OfflineInterpreter()
    return LLMInterpreter(LLMClient(settings.llm, base_url=base_url, api_key=key.get_secret_value() if key else None))


def _load_engine(model: str, device: str | None = None) -> Engine:
    from ..generation import LocalEngine  # imports torch, which takes seconds

    return LocalEngine.load(model, device)


class UnknownModelError(InvalidInputError):
    """The requested model is not allowed."""


class Studio:
    """The store, the interpreter and the engines of conversations. Close it after use.

    `load_engine` loads the engine of a model by name. It is called once for each model.
    """

    def __init__(
        self,
        store: Store,
        interpreter: Interpreter,
        *,
        model: str = "mini",
        load_engine: Callable[[str], Engine] = _load_engine,
        policy_folder: Path | None = None,
    ) -> None:
        self.store = store
        self.interpreter = interpreter
        self.model = model
        self._load_engine = load_engine
        self._policy_folder = policy_folder or store.images.folder.parent / "policies"
        self._weights = store.images.folder.parent / "weights.json"
        self._engines: dict[str, Engine] = {}
        self._provenances: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self.session_locks = SessionLocks()
        """Serialise concurrent calls on one session."""
        self._allowed: tuple[str, ...] | None = None

    @classmethod
    def open(cls, settings: Settings | None = None, *, device: str | None = None) -> Self:
        """Create a studio from `settings`, by default from the environment. `device` is by default the best one."""
        settings = settings or Settings.load()
        store = Store.open(settings.database_url, home=settings.home)
        store.attempts.mark_interrupted()  # turns that were pending in a crash
        load_engine = partial(_load_engine, device=device)
        return cls(store, create_interpreter(settings), model=settings.model, load_engine=load_engine)

    def on_device(self, device: str) -> "Studio":
        """A studio with the same store and interpreter, and its own engines on another device."""
        load_engine = partial(_load_engine, device=device)
        return Studio(self.store, self.interpreter, model=self.model, load_engine=load_engine)

    def allow_models(self, models: Iterable[str]) -> None:
        """Restrict the models to these from now on; `engine` refuses all others."""
        self._allowed = tuple(models)

    def engine(self, model: str) -> Engine:
        """The engine of a model, loaded on first use.

        Raises:
            UnknownModelError: if the model is not allowed.
        """
        if self._allowed is not None and model not in (*self._allowed, *map(to_absolute, self._allowed)):
            raise UnknownModelError(f"the model “{model}” is not served here: there is {', '.join(self._allowed)}")
        with self._lock:
            if model not in self._engines:
                self._engines[model] = self._load_engine(model)
            return self._engines[model]

    def lock(self, session: str) -> AbstractContextManager[None]:
        """Hold the session's lock in this thread, so that concurrent calls are serialised.

        Without the lock, two concurrent calls create two branches: right for two people, wrong for one program.
        """
        return self.session_locks.lock(session)

    def forget_checkpoints(self) -> None:
        """Clear the engines' checkpoints, which contain prompts; only in the drawing thread. Pictures do not change."""
        for engine in list(self._engines.values()):
            checkpoints = getattr(engine, "checkpoints", None)  # not every engine has checkpoints
            if checkpoints is not None:
                checkpoints.clear()

    def find_loaded(self, model: str) -> Engine | None:
        """The engine of a model if it is loaded; does not wait for one that is loading."""
        return self._engines.get(model)

    def warm_up(self, model: str | None = None) -> None:
        """Start to load a model in the background. Errors are raised when the model is used."""
        threading.Thread(target=partial(self._load_quietly, model or self.model), daemon=True).start()

    def provenance(self, request: GenerationRequest) -> dict[str, Any]:
        """What determines a picture besides its request: that of the model, and the hashes of the adapters."""
        model = request.model
        engine = self.engine(model)
        with self._lock:
            if model not in self._provenances:
                self._provenances[model] = engine.provenance(self._weights)
            found = self._provenances[model]
        adapters = adapters_sha256(request)
        return {**found, "adapters": adapters} if adapters else found

    def policy_texts(self, names: tuple[str, ...]) -> dict[str, str]:
        """The files of the named policies, verbatim."""
        return policies.texts(names, self._policy_folder)

    def policy_packs(self) -> dict[str, policies.Policy]:
        """All readable policies, by name."""
        packs = {}
        for name in policies.available(self._policy_folder):
            with suppress(InvalidInputError):
                packs[name] = policies.load(name, self._policy_folder)
        return packs

    def policies(self, names: tuple[str, ...]) -> NegativePrompt:
        return policies.compose(names, self._policy_folder)

    def check_prompt(self, prompt: str, names: tuple[str, ...]) -> None:
        """Raise `InvalidInputError` if a prompt has a term that one of the named policies forbids."""
        policies.check_prompt(prompt, names, self._policy_folder)

    def close(self) -> None:
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _load_quietly(self, model: str) -> None:
        with suppress(Exception):  # `engine` raises it again when the model is used
            self.engine(model)
