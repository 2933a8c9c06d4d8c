"""Train `mini` from nothing: python -m notthat.generation.mini.recipe --runs runs/mini

Stages: pictures, autoencoder, clip, denoiser, export. Each goes on from its last checkpoint, so the
command can be interrupted and given again at any time. CUDA is used when there is one.
"""

import argparse
import os
import platform
import random
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from transformers import CLIPTokenizer

from .autoencoder import encode_all, train_autoencoder
from .captions import caption
from .clip import learn_tokenizer, text_tower, train_clip
from .data import Pictures
from .denoiser import train_denoiser
from .export import assemble, export, sheet
from .loop import Plan
from .world import Scene


def main() -> None:
    """Run the stages that are left."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs/mini"), help="where pictures and checkpoints are kept")
    parser.add_argument("--out", type=Path, help="where the finished model goes (default: RUNS/weights)")
    parser.add_argument("--pictures", type=int, default=16_000)
    parser.add_argument("--clip-steps", type=int, default=800)
    parser.add_argument("--autoencoder-steps", type=int, default=4500)
    parser.add_argument("--denoiser-steps", type=int, default=3200)
    parser.add_argument("--sheet-every", type=int, default=400, help="steps between sample sheets")
    args = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    runs: Path = args.runs

    pictures = Pictures(runs / "pictures", args.pictures, seed=0)
    tokenizer = _tokenizer(pictures.scenes, runs / "tokenizer")
    vae = train_autoencoder(pictures, Plan(args.autoencoder_steps, edge_rate=3e-3, ema=0.995), runs, device)
    clip = train_clip(pictures, tokenizer, Plan(args.clip_steps, ema=0.99), runs, device)
    encoder = text_tower(clip).requires_grad_(False)
    latents = encode_all(vae, pictures, runs / "latents.pt", device)

    def show(unet: UNet2DConditionModel, step: int) -> None:
        if step % args.sheet_every == 0:
            sheet(assemble(vae, encoder, tokenizer, unet), runs / f"sheet-{step:05d}.png")

    plan = Plan(args.denoiser_steps, ema=0.995)
    unet = train_denoiser(pictures.scenes, latents, tokenizer, encoder, plan, runs, device, show)
    pipeline = assemble(vae, encoder, tokenizer, unet)
    sheet(pipeline, runs / "sheet.png")
    export(pipeline, clip, pictures.scenes, _training(runs, device), args.out or runs / "weights")


def _training(runs: Path, device: str) -> dict[str, object]:
    """How long each stage took, and on what machine."""
    saved = {name: torch.load(runs / f"{name}.pt", weights_only=True) for name in ("autoencoder", "clip", "denoiser")}
    stages = {
        name: {"steps": state["step"], "minutes": round(state["seconds"] / 60, 1)} for name, state in saved.items()
    }
    machine = torch.cuda.get_device_name() if device == "cuda" else f"{os.cpu_count()} cores, {_processor()}"
    return {"machine": machine, "torch": torch.__version__, "stages": stages}


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    lines = described.read_text().splitlines() if described.exists() else []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def _tokenizer(scenes: list[Scene], folder: Path) -> CLIPTokenizer:
    """The tokenizer of this run; kept, since everything after depends on its ids."""
    if not folder.exists():
        learn_tokenizer([caption(scene, random.Random(k)) for k, scene in enumerate(scenes)]).save_pretrained(folder)
    return CLIPTokenizer.from_pretrained(folder)


if __name__ == "__main__":
    main()
