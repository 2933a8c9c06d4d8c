"""How a picture was made, by the graph that ComfyUI writes into it: of graphs with one sampler from an empty latent."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import InvalidRequestError

_PASSED = frozenset(
    [
        *("CLIPTextEncode", "CLIPTextEncodeSDXL", "CLIPTextEncodeFlux", "CLIPSetLastLayer", "FluxGuidance"),
        *("CheckpointLoaderSimple", "UNETLoader", "UnetLoaderGGUF", "CLIPLoader", "DualCLIPLoader", "TripleCLIPLoader"),
        *("LoraLoader", "LoraLoaderModelOnly", "ModelSamplingSD3", "ModelSamplingFlux", "ModelSamplingAuraFlow"),
        *("ConditioningZeroOut", "CFGGuider", "BasicGuider"),
    ]
)
"""Nodes whose effect is read, or that set what the model's own scheduler does here; the others are told."""
_SAMPLERS = ("KSampler", "KSamplerAdvanced", "SamplerCustom", "SamplerCustomAdvanced")
_TEXTS = ("text", "t5xxl", "text_g", "clip_l", "text_l", "prompt", "string", "value")
_MODELS = ("ckpt_name", "unet_name", "gguf_name", "model_name")
_MOST_NODES = 200
"""A path through a graph is followed for at most so many nodes."""

Node = Mapping[str, Any]


@dataclass
class GraphSettings:
    """Values of a request, LoRAs by the names of their files, and what is left out."""

    values: dict[str, Any] = field(default_factory=dict)
    loras: list[tuple[str, Any]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


class Graph:
    """A graph in the format of ComfyUI's API: nodes by id, with a `class_type` and `inputs`."""

    def __init__(self, nodes: Mapping[str, Any]) -> None:
        self._nodes: dict[str, Node] = {str(key): node for key, node in nodes.items() if _is_node(node)}
        self._passed: dict[str, None] = {}

    def read(self) -> GraphSettings:
        """The settings of the one sampler that starts from noise.

        Raises:
            InvalidRequestError: there is none, or several, or its prompt is put together by other nodes.
        """
        sampler = self._find_sampler()
        found = GraphSettings()
        guider: Node = self._input(sampler, "guider") or sampler
        names = {"seed": ("seed", "noise_seed"), "num_inference_steps": ("steps",), "guidance_scale": ("cfg",)}
        sources = [sampler, guider, *(self._input(sampler, name) for name in ("noise", "sigmas", "latent_image"))]
        names |= {"width": ("width",), "height": ("height",)}
        for key, inputs in names.items():
            values = (self._value(node["inputs"].get(name)) for node in sources if node for name in inputs)
            value = next((each for each in values if each is not None), None)
            if value is not None:
                found.values[key] = value
        if "guider" in sampler["inputs"]:  # a guider without a scale makes one pass
            found.values.setdefault("guidance_scale", 1.0)
        positive = guider["inputs"].get("positive", guider["inputs"].get("conditioning"))
        found.values["prompt"] = self._text(positive, found)
        negative = guider["inputs"].get("negative")
        found.values["negative_prompt"] = "" if negative is None else self._text(negative, found)
        self._read_model(guider["inputs"].get("model"), found)
        for name in ("sampler_name", "scheduler", "denoise"):
            value = self._value(sampler["inputs"].get(name))
            if value is not None and (name, value) != ("denoise", 1):
                found.left_out.append(f"{name}: {value}")
        found.left_out += [f"node: {kind}" for kind in self._passed if kind not in _PASSED]
        return found

    def _find_sampler(self) -> Node:
        samplers = [node for node in self._nodes.values() if node["class_type"] in _SAMPLERS]
        first: list[Node] = [node for node in samplers if self._starts_empty(node)]
        if len(first) != 1:
            raise InvalidRequestError(
                f"the picture's ComfyUI graph has {len(first)} samplers that start from an empty latent, "
                "and only graphs with one can be read: give its settings as options"
            )
        return first[0]

    def _starts_empty(self, sampler: Node) -> bool:
        latent = self._input(sampler, "latent_image")
        return latent is not None and "Empty" in latent["class_type"]

    def _text(self, link: object, found: GraphSettings) -> str:
        """The text that a conditioning encodes."""
        node = self._node(link)
        for _ in range(_MOST_NODES):
            if node is None:
                break
            self._passed[node["class_type"]] = None
            if node["class_type"] == "ConditioningZeroOut":
                return ""
            inputs = node["inputs"]
            if "clip" in inputs:
                self._read_clip_skip(inputs["clip"], found)
                text = next((self._value(inputs[name]) for name in _TEXTS if name in inputs), None)
                if isinstance(text, str):
                    return text
                break
            node = self._node(inputs.get("conditioning"))
        raise InvalidRequestError(
            "the picture's ComfyUI graph puts its prompt together by other nodes: give --negative and a PROMPT"
        )

    def _read_clip_skip(self, link: object, found: GraphSettings) -> None:
        for node in self._path(link, "clip"):
            layer = self._value(node["inputs"].get("stop_at_clip_layer"))
            if isinstance(layer, int) and layer < -1:
                found.values["clip_skip"] = -layer

    def _read_model(self, link: object, found: GraphSettings) -> None:
        for node in self._path(link, "model"):
            inputs = node["inputs"]
            if "lora_name" in inputs:
                weight = self._value(inputs.get("strength_model", 1.0))
                found.loras.insert(0, (str(inputs["lora_name"]), weight))
            for name in _MODELS:
                if isinstance(inputs.get(name), str):
                    found.values["model"] = inputs[name]

    def _path(self, link: object, name: str) -> Iterator[Node]:
        """The nodes from a link on, each by its input of this name."""
        node = self._node(link)
        for _ in range(_MOST_NODES):
            if node is None:
                return
            self._passed[node["class_type"]] = None
            yield node
            node = self._input(node, name)

    def _input(self, node: Node, name: str) -> Node | None:
        return self._node(node["inputs"].get(name))

    def _node(self, link: object) -> Node | None:
        """The node that a link, `[id, output]`, leads to."""
        return self._nodes.get(str(link[0])) if isinstance(link, list) and len(link) == 2 else None

    def _value(self, value: object) -> object:
        """An input's value; of a link, that of the node with one value that it leads to."""
        for _ in range(_MOST_NODES):
            node = self._node(value)
            if node is None:
                return None if isinstance(value, list | dict) else value
            values = [each for each in node["inputs"].values() if isinstance(each, str | int | float | list)]
            named = [node["inputs"][name] for name in ("seed", "noise_seed", *_TEXTS) if name in node["inputs"]]
            if not named and len(values) != 1:
                return None
            value = (named or values)[0]
        return None


def _is_node(node: object) -> bool:
    return (
        isinstance(node, dict)
        and isinstance(node.get("class_type"), str)
        and isinstance(node.get("inputs", None), dict)
    )
