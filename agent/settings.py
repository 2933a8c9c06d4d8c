"""Where things are and what is used by default: options, then the environment, then `config.toml`."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_data_path
from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from ..errors import InvalidInputError


class Settings(BaseSettings):
    """The environment variables `NOTTHAT_HOME`, `NOTTHAT_MODEL` and so on, and `config.toml` in that home.

    In the file, the names are those of the variables without `NOTTHAT_`, in lower case. The two of
    OpenAI's own name are called as everybody calls them.
    """

    model_config = SettingsConfigDict(env_prefix="NOTTHAT_", env_ignore_empty=True, extra="ignore")

    home: Annotated[Path, AfterValidator(Path.expanduser)] = Field(
        default_factory=partial(user_data_path, "notthat", appauthor=False)
    )
    database_url: str | None = None
    model: str = Field(default="mini", min_length=1)
    interpreter: Literal["auto", "offline", "llm"] = "auto"
    llm: str = Field(default="gpt-5.4-mini", min_length=1)
    openai_api_key: SecretStr | None = Field(default=None, validation_alias="openai_api_key")
    openai_base_url: str | None = Field(default=None, validation_alias="openai_base_url")

    @classmethod
    def load(cls, **options: Any) -> "Settings":
        """The settings now in force; options that are None are left to the environment.

        Raises:
            InvalidInputError: where a value can't be right, or `config.toml` can't be read.
        """
        try:
            return cls(**{name: value for name, value in options.items() if value is not None})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = "_".join(str(part) for part in first["loc"]).upper()
            given = "" if "KEY" in name else f", not {first['input']!r}"
            prefix = "" if name.startswith("OPENAI_") else "NOTTHAT_"
            raise InvalidInputError(f"{prefix}{name}: {first['msg']}{given}") from None
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
        """Options win over the environment, the environment over the file."""
        named = init_settings().get("home") or env_settings().get("home")
        home = Path(named).expanduser() if named else user_data_path("notthat", appauthor=False)
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, home / "config.toml")
