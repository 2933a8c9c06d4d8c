"""LoRAs and textual inversions that a prompt names, as in AUTOMATIC1111's web UI and ComfyUI.

`<lora:NAME:0.8>` adds a LoRA of that name, `embedding:NAME` or the name alone a textual inversion. A name is that of a
file in a library's folders, without its ending, or its path there. The texts that are drawn have no tags.

Source: https://github.com/AUTOMATIC1111/stable-diffusion-webui/wiki/Features#extra-networks
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from .errors import InvalidRequestError

_ENDING = ".safetensors"
_TAG = re.compile(r"(?<![,\s])[,\s]*<(?:lora|lyco):(?P<name>[^<>:]+)(?P<weights>(?::[^<>:]*)*)>", re.IGNORECASE)
_EMBEDDING = re.compile(r"(?<!\w)embedding:(?P<name>[\w./-]*\w)", re.IGNORECASE)

_Files = Mapping[str, list["_File"]]

Accepts = Callable[[str], bool]
"""Whether the model can use the textual inversion in a file."""


@dataclass(frozen=True)
class NetworkLibrary:
    """The folders that are searched for LoRAs and for textual inversions, with their subfolders."""

    lora_folders: tuple[Path, ...] = ()
    embedding_folders: tuple[Path, ...] = ()

    @classmethod
    def of(cls, home: Path, models: Path | None) -> "NetworkLibrary":
        """The folders in NOTTHAT_HOME and in NOTTHAT_MODELS; AUTOMATIC1111 has its embeddings beside the latter."""
        loras, embeddings = [home / "loras"], [home / "embeddings"]
        if models is not None:
            loras += [models / "loras", models / "Lora"]
            embeddings += [models / "embeddings", models.parent / "embeddings"]
        return cls(tuple(loras), tuple(embeddings))

    @cached_property
    def loras(self) -> "_Files":
        """The files of LoRAs by each of their names, in lower case."""
        return _index(self.lora_folders)

    @cached_property
    def embeddings(self) -> "_Files":
        """The files of textual inversions by each of their names, in lower case."""
        return _index(self.embedding_folders)

    @property
    def lora_names(self) -> list[str]:
        """The names of all LoRAs, with their subfolders."""
        return _names(self.loras)

    @property
    def embedding_names(self) -> list[str]:
        """The names of all textual inversions, with their subfolders."""
        return _names(self.embeddings)

    def find_lora(self, name: str) -> str | None:
        """The path of a LoRA; None if there is none. Raises `InvalidRequestError` if several files have the name."""
        return _only(self.loras, name)

    def find_embedding(self, name: str) -> str | None:
        """The path of a textual inversion, as `find_lora`."""
        return _only(self.embeddings, name)


@dataclass
class PromptNetworks:
    """Two texts without the tags of files that were found, these files, and a sentence for each of them."""

    prompt: str
    negative_prompt: str
    loras: dict[str, float] = field(default_factory=dict)
    """Paths and weights."""
    embeddings: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def combine_loras(self, given: Iterable[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
        """These LoRAs after the `given`; a tag replaces the weight of the same file, and 0 takes it out."""
        weights = {**dict(given), **self.loras}
        return tuple((file, weight) for file, weight in weights.items() if weight or file not in self.loras)

    def combine_embeddings(self, given: Iterable[str]) -> tuple[str, ...]:
        """These textual inversions after the `given`, each once."""
        return tuple(dict.fromkeys([*given, *self.embeddings]))


def resolve_networks(prompt: str, negative_prompt: str, library: NetworkLibrary, accepts: Accepts) -> PromptNetworks:
    """Find the LoRAs that the prompt names, and the textual inversions that one of the texts names.

    As in the web UI, tags in a negative prompt are words. What is not found stays in the text.

    Raises:
        InvalidRequestError: a LoRA's weight can't be honoured, or a name fits several files.
    """
    found = PromptNetworks(prompt, negative_prompt)
    found.prompt = _TAG.sub(lambda tag: _take_lora(tag, library, found), prompt)
    if found.prompt != prompt:
        found.prompt = found.prompt.lstrip(", \n")
    found.prompt = _EMBEDDING.sub(lambda tag: _take_embedding(tag, library, found), found.prompt)
    found.negative_prompt = _EMBEDDING.sub(lambda tag: _take_embedding(tag, library, found), negative_prompt)
    for name, file in _find_words(found, library):
        if file not in found.embeddings and accepts(file):
            found.embeddings.append(file)
            found.remarks.append(f"“{name}” is read as a textual inversion.")
    return found


def _take_lora(tag: re.Match[str], library: NetworkLibrary, found: PromptNetworks) -> str:
    name = tag["name"].strip()
    file = library.find_lora(name)
    if file is None:
        return tag[0]
    weight = found.loras[file] = _weight(tag[0].lstrip(", \n\t"), tag["weights"])
    found.remarks.append(f"The LoRA “{name}” has a weight of {weight:g}.")
    return ""


def _weight(text: str, weights: str) -> float:
    """The one weight of a tag: `:0.8`, `:te=0.8`, or that of the text encoder and of the U-Net."""
    values = [each.partition("=") for each in weights.split(":")[1:]]
    try:
        numbers = {float(value if mark else key) for key, mark, value in values if key.strip() or mark} or {1.0}
    except ValueError:
        raise InvalidRequestError(f"“{text}”: a weight is no number: write <lora:NAME:0.8>") from None
    if len(numbers) > 1 or any(mark and key.strip() not in ("te", "unet") for key, mark, _ in values):
        raise InvalidRequestError(f"“{text}”: a LoRA has one weight here: write <lora:NAME:0.8>")
    return numbers.pop()


def _take_embedding(tag: re.Match[str], library: NetworkLibrary, found: PromptNetworks) -> str:
    name = tag["name"].removesuffix(_ENDING)
    file = library.find_embedding(name)
    if file is None:
        return tag[0]
    if file not in found.embeddings:
        found.embeddings.append(file)
        found.remarks.append(f"“{Path(file).stem}” is read as a textual inversion.")
    return Path(file).stem


def _find_words(found: PromptNetworks, library: NetworkLibrary) -> list[tuple[str, str]]:
    """The names of textual inversions that are words of a text, with their files; names of several files are none."""
    text = f"{found.prompt}\n{found.negative_prompt}".casefold()
    known = {name: files[0].path for name, files in library.embeddings.items() if len(files) == 1 and "/" not in name}
    words = (name for name in known if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text))
    return [(known[name].stem, str(known[name])) for name in words]


@dataclass(frozen=True)
class _File:
    """A file, and its path in its folder without its ending."""

    path: Path
    name: str


def _index(folders: Iterable[Path]) -> dict[str, list[_File]]:
    found: dict[str, list[_File]] = {}
    for folder in dict.fromkeys(folder.resolve() for folder in folders if folder.is_dir()):
        for path in sorted(folder.rglob(f"*{_ENDING}")):
            file = _File(path, path.relative_to(folder).as_posix().removesuffix(_ENDING))
            for name in {path.stem.casefold(), file.name.casefold()}:
                found.setdefault(name, []).append(file)
    return found


def _names(known: "_Files") -> list[str]:
    return sorted({file.name for files in known.values() for file in files})


def _only(known: "_Files", name: str) -> str | None:
    files = known.get(name.removesuffix(_ENDING).casefold(), [])
    if len(files) > 1:
        raise InvalidRequestError(f"“{name}” is the name of {len(files)} files: write the folder before it")
    return str(files[0].path) if files else None
