"""Exclusions that always apply, from packs of them: `prompts/policies/NAME.toml`."""

import tomllib
from contextlib import suppress
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from .. import prompts
from ..errors import InvalidInputError
from .exclusions import DEFAULT_WEIGHT, Exclusion, NegativePrompt, Term, Weight
from .lookalikes import has_term


class _Excluded(BaseModel):
    model_config = ConfigDict(extra="forbid")

    term: Term
    weight: Weight = DEFAULT_WEIGHT


class Policy(BaseModel):
    """A pack: what it is for, what it keeps out of every picture, and what no prompt may ask for."""

    model_config = ConfigDict(extra="forbid")

    title: str
    exclude: list[_Excluded]
    forbid: list[Term] = []


def load(name: str, folder: Path) -> Policy:
    """The pack of this name: the user's own in `folder`, or the one that comes with the package.

    Raises:
        InvalidInputError: where there is none, or it can't be read.
    """
    packs = available(folder)
    if name not in packs:
        raise InvalidInputError(f"no policy “{name}”: there are {', '.join(packs)}")
    try:
        return Policy.model_validate(tomllib.loads(packs[name].read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except (OSError, ValueError) as error:
        reason = str(error)
    raise InvalidInputError(f"the policy “{name}” can't be read: {reason}")


def available(folder: Path) -> dict[str, Traversable]:
    """The file of every pack by its name; the user's own come before the package's."""
    shipped = [file for file in resources.files(prompts).joinpath("policies").iterdir() if file.name.endswith(".toml")]
    own = list(folder.glob("*.toml")) if folder.is_dir() else []
    packs: dict[str, Traversable] = {file.name.removesuffix(".toml"): file for file in [*shipped, *own]}
    return dict(sorted(packs.items()))


def texts(names: tuple[str, ...], folder: Path) -> dict[str, str]:
    """The named packs word for word, as they are now; one that is gone or can't be read is left out."""
    packs, found = available(folder), {}
    for name in names:
        with suppress(KeyError, OSError, UnicodeDecodeError):
            found[name] = packs[name].read_text(encoding="utf-8")
    return found


def compose(names: tuple[str, ...], folder: Path) -> NegativePrompt:
    """What the named policies exclude, in their order: the start of a session's negative prompt."""
    negative = NegativePrompt()
    for name in names:
        for each in load(name, folder).exclude:
            if each.term not in negative:
                exclusion = Exclusion(term=each.term, weight=each.weight, source=f"policy:{name}", since=0, words="")
                negative = negative.add(exclusion)
    return negative


def check_prompt(prompt: str, names: tuple[str, ...], folder: Path) -> None:
    """Hold a prompt against the named policies as their packs are now; one that is gone or broken forbids nothing.

    Raises:
        InvalidInputError: where the prompt asks for what one of them forbids.
    """
    for name in names:
        forbidden: list[str] = []
        with suppress(InvalidInputError):
            forbidden = load(name, folder).forbid
        for term in forbidden:
            if has_term(prompt, term):
                raise InvalidInputError(f"“{term}” can't be asked for: the policy “{name}” forbids it")
