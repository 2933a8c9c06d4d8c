"""Train the judge of mini's pictures, and write its weights to `agent/judges/mini_judge.safetensors`.

    python scripts/train_mini_judge.py --runs runs/mini [--count 8000] [--steps 3000]

`--runs` is the folder of a run of mini's recipe: its pictures and their latents are used if they are there, and made if
not. One picture in eight is held out, and measured at the end. `benchmarks/judges.py` measures the shipped weights on
renders of other seeds.
"""

import argparse
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor
from torch.nn import functional

from notthat.agent.judges.mini import ATTRIBUTES, WEIGHTS, AttributeNetwork, autoencoder_sha256
from notthat.generation.mini.recipe.autoencoder import encode_all
from notthat.generation.mini.recipe.data import Pictures
from notthat.generation.model_catalog import locate_model

BATCH = 64
RATE = 4e-3
NOISE = 0.15
"""Most noise on the latents, as a share of their deviation: those of a drawn picture are a little off."""


def train(latents: Tensor, truth: Tensor, steps: int) -> AttributeNetwork:
    """Train on scaled latents of shape (count, 8, 16, 16) and attributes of shape (count, attributes), 0 or 1.

    Each batch is moved by up to one place, which is eight pixels, and gets some noise.
    """
    torch.manual_seed(0)
    network = AttributeNetwork()
    network.mean.copy_(latents.mean((0, 2, 3), keepdim=True))
    network.std.copy_(latents.std((0, 2, 3), keepdim=True))
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.15)
    order = torch.randperm(len(latents))
    for step in range(steps):
        at = step * BATCH % (len(latents) - BATCH)
        if at < BATCH:
            order = torch.randperm(len(latents))
        chosen = order[at : at + BATCH]
        right, down = (int(torch.randint(3, ())) for _ in range(2))
        moved = functional.pad(latents[chosen], (1, 1, 1, 1), mode="replicate")
        moved = moved[:, :, down : down + latents.shape[-2], right : right + latents.shape[-1]]
        noise = NOISE * torch.rand(len(chosen), 1, 1, 1) * network.std * torch.randn_like(moved)
        loss = functional.binary_cross_entropy_with_logits(network(moved + noise)[0], truth[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            print(f"step {step}: loss {loss.item():.3f}", flush=True)
    return network.eval()


@torch.inference_mode()
def report(network: AttributeNetwork, latents: Tensor, truth: Tensor) -> None:
    """Print precision and recall of each attribute at a probability of 0.5."""
    seen = torch.cat([network(part)[0] > 0 for part in latents.split(100)])
    for k, name in enumerate(ATTRIBUTES):
        right = (seen[:, k] & (truth[:, k] > 0)).sum().item()
        precision, recall = right / max(1, seen[:, k].sum().item()), right / max(1.0, truth[:, k].sum().item())
        print(f"{name:<15}precision {precision:6.1%}  recall {recall:6.1%}")


def main() -> None:
    """Train, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, required=True, help="folder of a run of mini's recipe")
    parser.add_argument("--count", type=int, default=8000, help="pictures; one in eight is held out")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    args = parser.parse_args()
    if args.count < 2 * BATCH:
        parser.error(f"--count: at least {2 * BATCH}, which is two batches")
    pictures = Pictures(args.runs / "pictures", args.count, seed=0)
    vae = AutoencoderKL.from_pretrained(locate_model("mini"), subfolder="vae").eval()
    latents = encode_all(vae, pictures, args.runs / "latents.pt", "cpu")
    truth = torch.tensor([[float(scene.has(name)) for name in ATTRIBUTES] for scene in pictures.scenes])
    held_out = args.count - args.count // 8
    network = train(latents[:held_out], truth[:held_out], args.steps)
    report(network, latents[held_out:], truth[held_out:])
    network.save(args.out, autoencoder_sha256())


if __name__ == "__main__":
    main()
