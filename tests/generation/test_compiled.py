"""Compiled blocks draw what the others draw, attention guidance included."""

import torch

from notthat.generation import LocalEngine


def test_compiled_blocks_draw_the_same(random_model, monkeypatch):
    model = random_model("sd")
    compile_ = torch.nn.Module.compile
    # without a compiler on the machine: traced and guarded as ever, then run as it is
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **options: compile_(self, backend="eager", **options))
    engine = LocalEngine.load(str(model.folder), device="cpu", compiled=True)
    for asked in ({"negative_prompt": "hat"}, {"negative_prompt": "hat", "method": "nag", "guidance_scale": 1.0}):
        *_, last = engine.run(model.request(**asked, num_inference_steps=2))
        assert abs(model.pixels(**asked, num_inference_steps=2)[0] - last.picture.image).max() <= 1
