"""Settings, in order of precedence: options, environment variables, `config.toml`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from platformdirs import user_data_path
from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from ..errors import InvalidInputError

if TYPE_CHECKING:
    from ..generation import NetworkLibrary


class Settings(BaseSettings):
    """Settings from environment variables such as `NOTTHAT_HOME` and `NOTTHAT_MODEL`, and from `config.toml` there.

    The names in the file are those of the variables in lower case, without `NOTTHAT_`. `OPENAI_API_KEY` and
    `OPENAI_BASE_URL` have their usual names.
    """

    model_config = SettingsConfigDict(env_prefix="NOTTHAT_", env_ignore_empty=True, extra="ignore")

    home: Annotated[Path, AfterValidator(Path.expanduser)] = Field(
        default_factory=partial(user_data_path, "notthat", appauthor=False)
    )
    database_url: str | None = None
    images: str | None = None
    """The object store of the pictures, `s3://bucket/prefix`; by default the folder `images` in the home."""
    model: str = Field(default="mini", min_length=1)
    models: Annotated[Path, AfterValidator(Path.expanduser)] | None = None
    interpreter: Literal["auto", "offline", "llm", "local"] = "auto"
    llm: str = Field(default="gpt-5.4-mini", min_length=1)
    llm_timeout: float = Field(default=300, gt=0, allow_inf_nan=False)
    """Seconds to wait for one answer. A model on a CPU takes more than a minute to read the prompt the first time."""
    verify: bool = False
    """Whether new sessions are verified that do not say whether they are."""
    judge: str | None = None
    """The judge of pictures by models that have none of their own: `llm`, a hub id or a folder."""
    judge_timeout: float = Field(default=60, gt=0, allow_inf_nan=False)
    """Seconds that judges may take for a picture, loading included."""
    openai_api_key: SecretStr | None = Field(default=None, validation_alias="openai_api_key")
    openai_base_url: str | None = Field(default=None, validation_alias="openai_base_url")

    @property
    def model_folders(self) -> tuple[Path, ...]:
        """The folders that are searched for models: `models` in the home, and `NOTTHAT_MODELS`.

        Raises:
            InvalidInputError: `NOTTHAT_MODELS` is no folder.
        """
        if self.models is not None and not self.models.is_dir():
            raise InvalidInputError(f"NOTTHAT_MODELS: {self.models} is no folder")
        return (self.home / "models", *([self.models] if self.models else []))

    @property
    def networks(self) -> "NetworkLibrary":
        """The LoRAs and textual inversions in the home and in `NOTTHAT_MODELS`, by name."""
        from ..generation import NetworkLibrary

        return NetworkLibrary.of(self.home, self.models)

    def find_model(self, model: str) -> str:
        """A model's name, with paths in place of the names of files in `model_folders`."""
        from ..generation import find_model

        return find_model(model, self.model_folders)

    @classmethod
    def load(cls, **options: Any) -> "Settings":
        """Load the settings. Options that are None come from the environment or the file.

        Raises:
            InvalidInputError: if a value is invalid, or `config.toml` is unreadable.
        """
        try:
            return cls(**{name: value for name, value in options.items() if value is not None})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = "_".join(str(part) for part in first["loc"]).upper()
            rejected = "" if "KEY" in name else f", not {first['input']!r}"
            prefix = "" if name.startswith("OPENAI_") else "NOTTHAT_"
            raise InvalidInputError(f"{prefix}{name}: {first['msg']}{rejected}") from None
        except (OSError, ValueError) as error:
            raise InvalidInputError(f"config.toml can't be read: {error}") from None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options take precedence over the environment, and the environment over the file."""
        custom = init_settings().get("home") or env_settings().get("home")
        home = Path(custom).expanduser() if custom else user_data_path("notthat", appauthor=False)
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, home / "config.toml")
