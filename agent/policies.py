"""Policies: exclusions that always apply and terms that prompts may not have, from `prompts/policies/NAME.toml`."""

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
    """Load a policy from `folder`, or else from the package.

    Raises:
        InvalidInputError: if the policy is missing or invalid.
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
    """The files of all policies by name. A file in `folder` takes precedence over the package's."""
    shipped = [file for file in resources.files(prompts).joinpath("policies").iterdir() if file.name.endswith(".toml")]
    own = list(folder.glob("*.toml")) if folder.is_dir() else []
    packs: dict[str, Traversable] = {file.name.removesuffix(".toml"): file for file in [*shipped, *own]}
    return dict(sorted(packs.items()))


def texts(names: tuple[str, ...], folder: Path) -> dict[str, str]:
    """The current files of the named policies, verbatim; missing and unreadable ones are left out."""
    packs, contents = available(folder), {}
    for name in names:
        with suppress(KeyError, OSError, UnicodeDecodeError):
            contents[name] = packs[name].read_text(encoding="utf-8")
    return contents


def compose(names: tuple[str, ...], folder: Path) -> NegativePrompt:
    """The exclusions of the named policies, in order: the initial negative prompt of a session."""
    negative = NegativePrompt()
    for name in names:
        for item in load(name, folder).exclude:
            if item.term not in negative:
                exclusion = Exclusion(term=item.term, weight=item.weight, source=f"policy:{name}", since=0, words="")
                negative = negative.add(exclusion)
    return negative


def check_prompt(prompt: str, names: tuple[str, ...], folder: Path) -> None:
    """Check a prompt against the current files of the named policies. Missing and invalid policies are ignored.

    Raises:
        InvalidInputError: if the prompt has a term that a policy forbids.
    """
    for name in names:
        forbidden: list[str] = []
        with suppress(InvalidInputError):
            forbidden = load(name, folder).forbid
        for term in forbidden:
            if has_term(prompt, term):
                raise InvalidInputError(f"“{term}” can't be asked for: the policy “{name}” forbids it")
