"""The models that a server offers."""

from ....generation.request import Defaults
from ...studio import Studio
from .problems import Problem


class AvailableModels:
    """The names that the server was started with; the first is the default."""

    def __init__(self, studio: Studio, names: tuple[str, ...]) -> None:
        self._studio, self.names = studio, names

    @property
    def default(self) -> str:
        """The model of requests that name none."""
        return self.names[0]

    def check(self, name: str) -> None:
        """Raise `Problem` where the server does not offer this model."""
        if name not in self.names:
            detail = f"no model “{name}”: there is {', '.join(self.names)}"
            raise Problem(400, "unknown-model", "There is no such model", detail)

    def find_defaults(self, name: str) -> Defaults | None:
        """A model's defaults; None before it is loaded."""
        engine = self._studio.find_loaded(name)
        return None if engine is None else engine.defaults

    def list_loras(self) -> list[str]:
        """The names of the LoRAs that a prompt may name."""
        return self._studio.networks.lora_names

    def list_embeddings(self) -> list[str]:
        """The names of the textual inversions that a prompt may name, whether they fit the model or not."""
        return self._studio.networks.embedding_names
