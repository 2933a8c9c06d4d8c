"""Train `mini` from scratch: python -m notthat.generation.mini.recipe --runs runs/mini

Stages: pictures, autoencoder, words, denoiser, decoder, clip, export. Each stage continues from its last
checkpoint, so the command can be interrupted and repeated at any time. CUDA is used if available.

With `--start generation/mini/weights` a finished model is trained further; its latents do not change, and its text
tower only learns words that it does not know yet.
"""

import argparse
import json
import os
import platform
import random
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPModel, CLIPTokenizer

from .autoencoder import encode_all, train_autoencoder
from .captions import caption
from .clip import learn_tokenizer, new_clip, text_tower, train_clip, train_words
from .data import Pictures
from .decoder import repaint_all, train_decoder
from .denoiser import mix, new_unet, train_denoiser
from .export import assemble, export, sheet
from .loop import Plan
from .world import Scene

_STAGES = ("autoencoder", "words", "denoiser", "decoder", "clip")


def main() -> None:
    """Run the remaining stages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs/mini"), help="where pictures and checkpoints are kept")
    parser.add_argument("--out", type=Path, help="where the finished model goes (default: RUNS/weights)")
    parser.add_argument("--start", type=Path, help="a finished model to start from, instead of from scratch")
    parser.add_argument("--of-start", type=float, default=0.0, help="share of its denoiser to mix into the new one")
    parser.add_argument("--pictures", type=int, default=20_000)
    parser.add_argument("--autoencoder-steps", type=int, default=4500)
    parser.add_argument("--words-steps", type=int, default=3000)
    parser.add_argument("--decoder-steps", type=int, default=1000)
    parser.add_argument("--denoiser-steps", type=int, default=6000)
    parser.add_argument("--denoiser-batch", type=int, default=96)
    parser.add_argument("--denoiser-rate", type=float, default=0.02, help="peak learning rate of Muon")
    parser.add_argument(
        "--denoiser-only", default="", metavar="NAME", help="train only its weights with NAME in theirs"
    )
    parser.add_argument("--composition", type=float, default=0.0, help="from 0 to 1: train noisy steps more")
    parser.add_argument("--clip-steps", type=int, default=1000)
    parser.add_argument("--bfloat16", action="store_true", help="train in bfloat16, if the CPU supports it")
    parser.add_argument("--sheet-every", type=int, default=400, help="steps between sample sheets")
    args = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    runs: Path = args.runs

    pictures = Pictures(runs / "pictures", args.pictures, seed=0)
    if start := args.start:
        tokenizer = CLIPTokenizer.from_pretrained(start / "tokenizer")
        vae = AutoencoderKL.from_pretrained(start, subfolder="vae", torch_dtype=torch.float32).to(device)
        clip = CLIPModel.from_pretrained(start / "clip", dtype=torch.float32).to(device)
        unet, before = (
            UNet2DConditionModel.from_pretrained(start, subfolder="unet", torch_dtype=torch.float32) for _ in range(2)
        )
    else:
        tokenizer = _tokenizer(pictures.scenes, runs / "tokenizer")
        vae = train_autoencoder(pictures, Plan(args.autoencoder_steps, edge_rate=3e-3, ema=0.995), runs, device)
        clip = new_clip(tokenizer).to(device)
        unet = new_unet()
    plan = Plan(args.words_steps, edge_rate=3e-3 if start else 1e-3, ema=0.99, bfloat16=args.bfloat16)
    train_words(clip, pictures.scenes, tokenizer, plan, runs, device, _vocabulary(start) if start else ())
    encoder = text_tower(clip).requires_grad_(False)
    latents = encode_all(vae, pictures, runs / "latents.pt", device)

    def show(unet: UNet2DConditionModel, step: int) -> None:
        if step % args.sheet_every == 0:
            sheet(assemble(vae, encoder, tokenizer, unet), runs / f"sheet-{step:05d}.png")

    plan = Plan(args.denoiser_steps, args.denoiser_rate, args.denoiser_rate / 20, ema=0.995, bfloat16=args.bfloat16)
    how = {"batch": args.denoiser_batch, "only": args.denoiser_only, "composition": args.composition}
    train_denoiser(unet, pictures.scenes, latents, tokenizer, encoder, plan, runs, device, **how, on_checkpoint=show)
    if start:
        mix(unet, before, args.of_start)
    if args.decoder_steps:
        repainted = repaint_all(unet, tokenizer, encoder, pictures.scenes, latents, runs / "repainted.pt", device)
        plan = Plan(args.decoder_steps, 0.01, ema=0.99, bfloat16=args.bfloat16)
        train_decoder(vae, pictures, latents, repainted, plan, runs, device)
    train_clip(clip, pictures, tokenizer, Plan(args.clip_steps, ema=0.99, bfloat16=args.bfloat16), runs, device)
    pipeline = assemble(vae, encoder, tokenizer, unet)
    sheet(pipeline, runs / "sheet.png")
    training = _training(runs, device, args.start, args.of_start)
    export(pipeline, clip, pictures.scenes, training, args.out or runs / "weights")


def _training(runs: Path, device: str, start: Path | None, of_start: float) -> dict[str, object]:
    """The duration and machine of each stage, and the same for the model that the training started from."""
    checkpoints = [path for name in _STAGES if (path := runs / f"{name}.pt").exists()]
    saved = {path.stem: torch.load(path, weights_only=True) for path in checkpoints}
    stages = {
        name: {"steps": state["step"], "minutes": round(state["seconds"] / 60, 1)} for name, state in saved.items()
    }
    machine = torch.cuda.get_device_name() if device == "cuda" else f"{os.cpu_count()} cores, {_processor()}"
    training: dict[str, object] = {"machine": machine, "torch": torch.__version__, "stages": stages}
    if start is None:
        return training
    earlier = json.loads((start / "training.json").read_text("utf-8"))
    return {**training, "of_start": of_start, "started_from": earlier}


def _vocabulary(start: Path) -> list[str]:
    """The words that a finished model knows."""
    return list(json.loads((start / "notthat.json").read_text("utf-8"))["vocabulary"])


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    lines = described.read_text().splitlines() if described.exists() else []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def _tokenizer(scenes: list[Scene], folder: Path) -> CLIPTokenizer:
    """The tokenizer of this run, kept on disk because all later stages depend on its ids."""
    if not folder.exists():
        learn_tokenizer([caption(scene, random.Random(k)) for k, scene in enumerate(scenes)]).save_pretrained(folder)
    return CLIPTokenizer.from_pretrained(folder)


if __name__ == "__main__":
    main()
