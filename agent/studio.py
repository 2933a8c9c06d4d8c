"""Resources that conversations share: the store, the interpreter, and one engine per model."""

import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..errors import InvalidInputError
from ..generation import Engine, GenerationRequest, ModelName, NetworkLibrary, Progress, to_absolute
from ..generation.prompt_networks import PromptNetworks, resolve_networks
from ..generation.provenance import adapters_sha256
from ..storage import Store
from . import policies
from .exclusions import NegativePrompt
from .interpreters import CascadeInterpreter, Interpreter, LLMInterpreter, OfflineInterpreter
from .interpreters.base import prepare, release_memory
from .interpreters.llm import LLMClient
from .interpreters.local import LocalModel
from .interpreters.verifier.verifier import load_verifier
from .judges import Judge, JudgeError, JudgePanel
from .session_locks import SessionLocks
from .settings import Settings

OnStep = Callable[[Progress], None]
"""Called after every step of a picture."""


def create_interpreter(settings: Settings) -> Interpreter:
    """The interpreter of the settings.

    `auto` reads with rules, and asks a language model where the rules are not sure, if the settings have the key or
    the base URL of a server.

    Raises:
        InvalidInputError: there is no language model to load into this process.
    """
    has_server = bool(settings.openai_api_key or settings.openai_base_url)
    match settings.interpreter:
        case "llm":
            return LLMInterpreter(create_client(settings))
        case "local":
            return LLMInterpreter(_create_local_model(settings), name="local")
        case "auto" if has_server:
            return CascadeInterpreter(OfflineInterpreter(), LLMInterpreter(create_client(settings)), load_verifier())
    return OfflineInterpreter()


def _create_local_model(settings: Settings) -> LocalModel:
    if "llm" not in settings.model_fields_set:  # the default is the name of a hosted model
        raise InvalidInputError("NOTTHAT_LLM: for the interpreter “local”, give a hub id, a folder or a .gguf file")
    return LocalModel(settings.llm, timeout=settings.llm_timeout)


def create_client(settings: Settings) -> LLMClient:
    """The client of the language model that the settings name."""
    key = settings.openai_api_key
    return LLMClient(
        settings.llm,
        base_url=settings.openai_base_url,
        api_key=key.get_secret_value() if key else None,
        timeout=settings.llm_timeout,
    )


def _load_judge(name: str, device: str | None = None, *, settings: Settings | None = None) -> Judge:
    from .judges.loading import load_judge

    settings = settings or Settings.load()
    return load_judge(name, create_client=partial(create_client, settings), device=device)


def _load_engine(model: str, device: str | None = None) -> Engine:
    from ..generation import LocalEngine  # imports torch, which takes seconds

    return LocalEngine.load(model, device)


def _with_storage(model: str, engine: Engine) -> str:
    """The model's name with its engine's quantisation, unless the name has one or the weights are as in the file."""
    quantize = getattr(getattr(engine, "storage", None), "quantize", "none")  # other engines store no weights
    name = ModelName.parse(model)
    return model if name.quantize or quantize in ("none", "gguf") else str(name.with_storage(quantize))


class UnknownModelError(InvalidInputError):
    """The requested model is not allowed."""


_TAKE_OVER_SECONDS = 60.0
"""How long a turn waits for a server to take it over before it counts as failed."""


class Studio:
    """The store, the interpreter, the engines and the judges of conversations. Close it after use.

    `load_engine` loads the engine of a model by name. It is called once for each model. `find_model` turns the name of
    a file in a library of models into its path; `find_networks` gives the LoRAs and textual inversions as they are now.
    `load_judge` loads a judge by name, on a `device` if one is given. `judge` is the judge of models that have none of
    their own. Judges may take `judge_timeout` seconds for a picture. `verify` is whether new sessions are verified that
    do not say whether they are.
    """

    def __init__(
        self,
        store: Store,
        interpreter: Interpreter,
        *,
        model: str = "mini",
        load_engine: Callable[[str], Engine] = _load_engine,
        policy_folder: Path | None = None,
        find_model: Callable[[str], str] = str,
        find_networks: Callable[[], NetworkLibrary] = NetworkLibrary,
        load_judge: Callable[..., Judge] = _load_judge,
        judge: str | None = None,
        judge_timeout: float = 60.0,
        verify: bool = False,
    ) -> None:
        self.store = store
        self.interpreter = interpreter
        self.model = model
        self._load_engine = load_engine
        self._find_model = find_model
        self._find_networks = find_networks
        self._load_judge, self._judge, self._judge_timeout = load_judge, judge, judge_timeout
        self.verify = verify
        self._panels: dict[tuple[str, ...], JudgePanel] = {}
        self._policy_folder = policy_folder or store.home / "policies"
        self._weights = store.home / "weights.json"
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
        store = Store.open(settings.database_url, home=settings.home, images=settings.images)
        # turns that were pending in a crash; on a database that servers share, one of them takes them over
        store.attempts.mark_interrupted(grace=_TAKE_OVER_SECONDS if store.turn_events.is_shared else 0.0)
        load_engine = partial(_load_engine, device=device)
        return cls(
            store,
            create_interpreter(settings),
            model=settings.model,
            load_engine=load_engine,
            find_model=settings.find_model,
            find_networks=lambda: settings.networks,
            load_judge=partial(_load_judge, device=device, settings=settings),
            judge=settings.judge,
            judge_timeout=settings.judge_timeout,
            verify=settings.verify,
        )

    def on_device(self, device: str) -> "Studio":
        """A studio with the same store and interpreter, and its own engines and judges on another device."""
        return Studio(
            self.store,
            self.interpreter,
            model=self.model,
            load_engine=partial(_load_engine, device=device),
            find_model=self._find_model,
            load_judge=partial(self._load_judge, device=device),
            judge=self._judge,
            judge_timeout=self._judge_timeout,
            verify=self.verify,
            find_networks=self._find_networks,
        )

    def allow_models(self, models: Iterable[str]) -> None:
        """Restrict the models to these from now on; `engine` refuses all others."""
        self._allowed = tuple(models)

    def engine(self, model: str) -> Engine:
        """The engine of a model, loaded on first use.

        Raises:
            UnknownModelError: if the model is not allowed.
        """
        if self._allowed is not None and not self._is_allowed(model):
            raise UnknownModelError(f"the model “{model}” is not served here: there is {', '.join(self._allowed)}")
        model = self.resolve_model(model)
        with self._lock:
            if model not in self._engines:
                release_memory(self.interpreter)
                engine = self._engines[model] = self._load_engine(model)
                engine.read_image = self.store.images.open
                self._engines.setdefault(_with_storage(model, engine), engine)
            return self._engines[model]

    def judges(self, names: tuple[str, ...], model: str) -> JudgePanel:
        """The judges of pictures by a model: those that are named, else the model's own, else that of the settings."""
        names = names or (("mini",) if model == "mini" else (self._judge,) if self._judge else ())
        key = (model if "mini" in names else "", *names)
        with self._lock:
            if key not in self._panels:
                load = partial(self._load_judge_for, model)
                self._panels[key] = JudgePanel(names, load, timeout=self._judge_timeout)
            return self._panels[key]

    def unload_judges(self) -> bool:
        """Free the memory of all judges until the next picture; False if none was loaded."""
        unloaded = [panel.unload() for panel in list(self._panels.values())]
        return any(unloaded)

    def _load_judge_for(self, model: str, name: str) -> Judge:
        if name == "mini" and model != "mini":
            raise JudgeError(f"the judge mini only knows pictures by mini, and these are by {model}")
        return self._load_judge(name)

    def resolve_model(self, model: str) -> str:
        """A model's name as sessions store it, with absolute paths; it means the same in every working directory.

        Raises:
            InvalidInputError: if the name fits several files, or `NOTTHAT_MODELS` is no folder.
        """
        return to_absolute(self._find_model(model))

    @property
    def networks(self) -> NetworkLibrary:
        """The LoRAs and textual inversions that texts may name, as the files are now."""
        return self._find_networks()

    def resolve_networks(self, model: str, prompt: str, negative_prompt: str) -> PromptNetworks:
        """The LoRAs and textual inversions that two texts name, of those that fit the model."""

        def accepts(file: str) -> bool:
            return self.engine(model).accepts_embedding(file)

        return resolve_networks(prompt, negative_prompt, self.networks, accepts)

    def pin_storage(self, model: str) -> str:
        """A model's name with the quantisation that its engine chose from the free memory.

        Sessions store it, so that later turns and replays do not depend on the memory that is free then.
        """
        return _with_storage(model, self.engine(model))

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
        return self._engines.get(self.resolve_model(model))

    def warm_up(self, model: str | None = None) -> None:
        """Start to load a model and to prepare the interpreter in the background. Errors are raised on use."""
        prepare(self.interpreter)
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

    def _is_allowed(self, model: str) -> bool:
        """Whether the model is served, stored as it is or with the quantisation that its engine chose."""
        allowed = {*(self._allowed or ()), *map(self.resolve_model, self._allowed or ())}
        return model in allowed or str(replace(ModelName.parse(model), quantize=None)) in allowed

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
