"""Our engine against the stock pipeline, in turn in one process: medians of paired runs.

    python benchmarks/engine.py                     # mini, here
    python benchmarks/engine.py sd15 sdxl sd35 flux # where CUDA is: random models of the true sizes

Each pair runs both, in alternating order, so that a machine that slows down slows both. Printed are the
medians of our seconds (of processor time, where there is no GPU), of stock's, and of their ratios; for `mini`
also what a request costs over the bare forwards of its models, what a turn from a checkpoint costs of a cold
one, and what `nag` costs.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import torch

from notthat.generation import GenerationRequest, LocalEngine, generate
from notthat.generation.conditioning import Manner
from notthat.generation.models import locate

diffusers: Any = import_module("diffusers")
transformers: Any = import_module("transformers")

PROMPT, NEGATIVE = "portrait of a man", "mustache, watermark, blurry"


def seconds(work: Callable[[], object]) -> float:
    """How long the work takes: on a GPU by the clock, else in processor time, which neighbours don't stretch."""
    if not torch.cuda.is_available():
        started = time.process_time()
        work()
        return time.process_time() - started
    torch.cuda.synchronize()
    started = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - started


def paired(first: Callable[[], object], second: Callable[[], object], pairs: int) -> tuple[float, float, float]:
    """The medians of both times, and of first / second within each pair; the first pair only warms up."""
    times = []
    for k in range(pairs + 1):
        if k % 2:
            b, a = seconds(second), seconds(first)
        else:
            a, b = seconds(first), seconds(second)
        times.append((a, b, a / b))
    columns = zip(*times[1:], strict=True)
    a, b, ratio = (statistics.median(column) for column in columns)
    return a, b, ratio


def say(what: str, measured: tuple[float, float, float], names: tuple[str, str] = ("ours", "stock")) -> None:
    """One line of the table."""
    a, b, ratio = measured
    print(f"{what:34s} {names[0]} {a:8.3f} s   {names[1]} {b:8.3f} s   ratio {ratio:.3f}", flush=True)


def stock(pipeline: Any, request: GenerationRequest) -> Callable[[], object]:
    """The stock pipeline's run of a request."""
    scale = "true_cfg_scale" if type(pipeline).__name__ == "FluxPipeline" else "guidance_scale"

    def draw() -> object:
        return pipeline(
            request.prompt,
            negative_prompt=request.negative_prompt,
            num_inference_steps=request.num_inference_steps,
            width=request.width,
            height=request.height,
            generator=torch.Generator("cpu").manual_seed(request.seed),
            **{scale: request.guidance_scale},
        )

    return draw


def bare(engine: LocalEngine, request: GenerationRequest) -> Callable[[], object]:
    """The forwards that a request can't do without: both texts, two passes a step in one, the picture."""
    family = engine._family

    @torch.inference_mode()
    def forwards() -> None:
        family.forget()
        texts = family.encode([request.negative_prompt, request.prompt], Manner.of(request))
        told = type(texts[0])(torch.cat([each.tokens for each in texts]))
        noise = torch.randn(family.noise_shape(request), device=engine.device, dtype=family.denoiser.dtype)
        twice, predict = torch.cat([noise] * 2), family.predictor(request)
        for k in range(request.num_inference_steps):
            predict(twice, torch.tensor(999 - 30 * k, device=engine.device), told)
        family.decode(noise)

    return forwards


def measure_mini(steps: int, pairs: int) -> None:
    """All that can be measured without a GPU."""
    engine = LocalEngine.load("mini")
    pipeline = diffusers.StableDiffusionPipeline.from_pretrained(locate("mini"), safety_checker=None)
    pipeline.to(engine.device).set_progress_bar_config(disable=True)
    asked = {"model": "mini", "prompt": PROMPT, "negative_prompt": NEGATIVE, "seed": 1, "num_inference_steps": steps}
    session = GenerationRequest.with_defaults(asked, lambda: engine.defaults).model_copy(update={"joining_step": 0})
    plain = session.model_copy(update={"syntax": "plain"})

    def draw(request: GenerationRequest) -> Callable[[], object]:
        def fresh() -> object:
            engine._family.forget()  # a turn of another session: no text is known yet
            return generate(engine, request)

        return fresh

    say("mini, generate", paired(draw(plain), stock(pipeline, plain), pairs))
    say("mini, over bare forwards", paired(draw(plain), bare(engine, plain), pairs), ("ours", "bare "))
    say("mini, a session's turn, over bare", paired(draw(session), bare(engine, session), pairs), ("turn", "bare "))
    for share in (4, 2):
        late = session.model_copy(update={"joining_step": steps // share})

        def cold(late: GenerationRequest = late) -> object:
            engine.checkpoints.clear()
            return generate(engine, late)

        def warm(late: GenerationRequest = late) -> object:
            return generate(engine, late)

        ideal = (steps - steps // share) / steps
        say(f"mini, from step {steps // share} (ideal {ideal:.2f})", paired(warm, cold, pairs), ("warm", "cold "))
    alone = plain.model_copy(update={"guidance_scale": 1.0})
    nag = alone.model_copy(update={"method": "nag"})
    say("mini, nag over one pass", paired(draw(nag), draw(alone), pairs), ("nag ", "plain"))
    say("mini, nag over cfg", paired(draw(nag), draw(plain), pairs), ("nag ", "cfg  "))


def measure_random(kind: str, steps: int, pairs: int, *, compiled: bool) -> None:
    """A random model of the true size; its text encoders are of the true width alone."""
    torch.manual_seed(0)
    side = 512 if kind == "sd15" else 1024
    with tempfile.TemporaryDirectory() as folder:
        dtype = torch.bfloat16 if kind in ("sd35", "flux") else torch.float16
        with torch.device("cuda"):
            pipeline = RANDOM[kind]().to("cuda", dtype)
        pipeline.set_progress_bar_config(disable=True)
        pipeline.save_pretrained(folder)
        engine = LocalEngine.load(folder, "cuda", compiled=compiled)
    asked = {"model": folder, "prompt": PROMPT, "negative_prompt": NEGATIVE, "seed": 1, "syntax": "plain"}
    asked |= {"num_inference_steps": steps, "guidance_scale": 4.0, "width": side, "height": side}
    request = GenerationRequest.checked(**asked)
    say(f"{kind}, {side} pixels", paired(lambda: generate(engine, request), stock(pipeline, request), pairs))


def _words() -> Any:
    from tokenizers.pre_tokenizers import ByteLevel

    letters = sorted(ByteLevel.alphabet())
    words = [*letters, *(f"{each}</w>" for each in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: k for k, word in enumerate(words)}
    return transformers.CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=77)


def _clip(width: int, *, projected: bool) -> Any:
    words = _words()
    marks = {"bos_token_id": words.bos_token_id, "eos_token_id": words.eos_token_id, "pad_token_id": words.pad_token_id}
    sizes = {"hidden_size": width, "projection_dim": width, "num_hidden_layers": 2, "num_attention_heads": width // 64}
    config = transformers.CLIPTextConfig(vocab_size=len(words), intermediate_size=4 * width, **sizes, **marks)
    return (transformers.CLIPTextModelWithProjection if projected else transformers.CLIPTextModel)(config)


def _t5() -> tuple[Any, Any]:
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(chr(code), -3.0) for code in range(33, 127)]
    words = transformers.T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=512)
    config = transformers.T5Config(vocab_size=len(words), d_model=4096, d_kv=64, d_ff=10240, num_layers=1, num_heads=64)
    return transformers.T5EncoderModel(config), words


def _vae(channels: int, **own: Any) -> Any:
    blocks = {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4}
    widths = {"block_out_channels": (128, 256, 512, 512), "layers_per_block": 2}
    return diffusers.AutoencoderKL(**blocks, **widths, latent_channels=channels, sample_size=512, **own)


def _noise() -> Any:
    return diffusers.EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")


def _sd15() -> Any:
    return diffusers.StableDiffusionPipeline(
        vae=_vae(4, force_upcast=False),
        text_encoder=_clip(768, projected=False),
        tokenizer=_words(),
        unet=diffusers.UNet2DConditionModel(sample_size=64, cross_attention_dim=768),
        scheduler=_noise(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _sdxl() -> Any:
    unet = diffusers.UNet2DConditionModel(
        sample_size=128,
        cross_attention_dim=2048,
        block_out_channels=(320, 640, 1280),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2, 10),
        attention_head_dim=(5, 10, 20),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=256,
        projection_class_embeddings_input_dim=2816,
    )
    return diffusers.StableDiffusionXLPipeline(
        vae=_vae(4, force_upcast=False),
        text_encoder=_clip(768, projected=False),
        text_encoder_2=_clip(1280, projected=True),
        tokenizer=_words(),
        tokenizer_2=_words(),
        unet=unet,
        scheduler=_noise(),
        add_watermarker=False,
    )


def _sd35() -> Any:
    t5, pieces = _t5()
    return diffusers.StableDiffusion3Pipeline(
        vae=_vae(16, shift_factor=0.0609, use_quant_conv=False, use_post_quant_conv=False),
        text_encoder=_clip(768, projected=True),
        text_encoder_2=_clip(1280, projected=True),
        text_encoder_3=t5,
        tokenizer=_words(),
        tokenizer_2=_words(),
        tokenizer_3=pieces,
        transformer=diffusers.SD3Transformer2DModel(
            num_layers=24,
            num_attention_heads=24,
            caption_projection_dim=1536,
            dual_attention_layers=tuple(range(13)),
            out_channels=16,
            pooled_projection_dim=2048,
            pos_embed_max_size=384,
            qk_norm="rms_norm",
        ),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
    )


def _flux() -> Any:
    t5, pieces = _t5()
    return diffusers.FluxPipeline(
        vae=_vae(16, shift_factor=0.1159, use_quant_conv=False, use_post_quant_conv=False),
        text_encoder=_clip(768, projected=False),
        text_encoder_2=t5,
        tokenizer=_words(),
        tokenizer_2=pieces,
        transformer=diffusers.FluxTransformer2DModel(guidance_embeds=True),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
    )


RANDOM: dict[str, Callable[[], Any]] = {"sd15": _sd15, "sdxl": _sdxl, "sd35": _sd35, "flux": _flux}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description="Our engine against the stock pipeline.")
    parser.add_argument("models", nargs="*", default=["mini"], help=f"mini, {', '.join(RANDOM)}")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--compile", action="store_true", help="with torch.compile, by region")
    asked = parser.parse_args(arguments)
    where = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{torch.get_num_threads()} threads"
    print(f"{where}, torch {torch.__version__}, {asked.steps} steps, medians of {asked.pairs} pairs")
    for name in asked.models:
        if name == "mini":
            measure_mini(asked.steps, asked.pairs)
        elif name not in RANDOM:
            parser.error(f"no model {name}: mini, {', '.join(RANDOM)}")
        elif not torch.cuda.is_available():
            parser.error(f"{name} needs CUDA: without it there is mini")
        else:
            measure_random(name, asked.steps, asked.pairs, compiled=asked.compile)


if __name__ == "__main__":
    main()
