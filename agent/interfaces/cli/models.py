"""`notthat models`: one line for each model of a library."""

from typing import Any

from ....generation import LibraryModel


def model_to_json(model: LibraryModel) -> dict[str, Any]:
    """A model in the format of `--json`. `memory` is in bytes; `complete` is False for a transformer alone.

    `needs` has the usual names of the files that complete it.
    """
    return {
        "name": model.name,
        "path": str(model.path),
        "pipeline": model.kind,
        "family": model.family,
        "exclusions": model.exclusions,
        "memory": model.memory,
        "complete": model.is_complete,
        "needs": list(model.needs),
        "problem": model.problem,
    }


def describe_model(model: LibraryModel) -> str:
    """A model as one line of text."""
    if model.problem is not None:
        return f"{model.name}  ({model.problem})"
    acts = "not supported" if model.exclusions == "not supported" else f"exclusions act by {model.exclusions}"
    memory = "" if model.memory is None else f", {model.memory / (1 << 30):.2f} GiB"
    rest = "" if model.is_complete or acts == "not supported" else f" and {_describe_needs(model)}"
    return f"{model.name}  {model.family}: {acts}{memory}{rest}"


def _describe_needs(model: LibraryModel) -> str:
    if not model.needs:
        return "its text encoders and autoencoder"
    *encoders, vae = model.needs
    return f"its text encoder{'s' if len(encoders) > 1 else ''} ({', '.join(encoders)}) and autoencoder ({vae})"
