"""Sessions and `generate` with LoRAs and textual inversions that their texts name."""

import hashlib
import json
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from notthat.agent import Conversation, Studio
from notthat.agent.interfaces.cli.main import main
from notthat.agent.replay.regenerate import replay_session
from notthat.errors import InvalidInputError

LAYER = "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_v"


@pytest.fixture
def networks(home, tmp_path, monkeypatch, model_folder):
    """A LoRA `ink` in the home, a textual inversion `blob` and one for other models in ComfyUI's folder."""
    models = tmp_path / "models"
    for folder in (home / "loras", models / "embeddings"):
        folder.mkdir(parents=True)
    ink = {f"{LAYER}.lora_A.weight": torch.randn(2, 32), f"{LAYER}.lora_B.weight": torch.randn(64, 2)}
    save_file(ink, home / "loras" / "ink.safetensors")
    save_file({"emb_params": torch.randn(2, 32)}, models / "embeddings" / "blob.safetensors")
    save_file({"emb_params": torch.randn(2, 16)}, models / "embeddings" / "pier.safetensors")
    monkeypatch.setenv("NOTTHAT_MODELS", str(models))
    monkeypatch.setenv("NOTTHAT_MODEL", str(model_folder))
    return {"ink": str(home / "loras/ink.safetensors"), "blob": str(models / "embeddings/blob.safetensors")}


@pytest.fixture
def studio(networks):
    with Studio.open(device="cpu") as studio:
        yield studio


def test_a_session_loads_what_its_texts_name_and_replays_it(studio, networks):
    plain = Conversation.start("a pier at dawn", studio, negative="fog", seed=1, steps=2)
    talk = Conversation.start("a pier at dawn, <lora:ink:0.5>", studio, negative="fog", seed=1, steps=2)
    first = talk.head
    assert (first.prompt, first.request["loras"]) == ("a pier at dawn", [[networks["ink"], 0.5]])
    assert first.request["embeddings"] == []  # `pier` is one for other models
    assert first.sha256 != plain.head.sha256
    assert "The LoRA “ink” has a weight of 0.5." in first.reply
    hashed = hashlib.sha256(Path(networks["ink"]).read_bytes()).hexdigest()
    assert networks["ink"] in json.dumps(first.provenance)
    assert hashed in json.dumps(first.provenance)

    second = talk.say("no blob")
    assert second.request["loras"] == [[networks["ink"], 0.5]]
    assert second.request["embeddings"] == [networks["blob"]]
    assert "“blob” is read as a textual inversion." in second.reply
    third = talk.say("no hat")
    assert "textual inversion" not in third.reply
    assert third.request["embeddings"] == [networks["blob"]]
    results = list(replay_session(studio, talk.id))
    assert [result.identical for result in results] == [True] * 3


def test_a_negative_prompt_names_them_as_comfyui_does(studio, networks):
    turn = Conversation.start("a pier", studio, negative="(embedding:blob:1.2), fog", seed=1, steps=2).head
    assert (turn.negative, turn.request["embeddings"]) == ("(blob:1.2), fog", [networks["blob"]])


def test_what_only_other_programs_act_on_is_told_once(studio):
    talk = Conversation.start("a [pier|boat] <lora:none:1>", studio, seed=1, steps=2)
    assert "Read as words in the prompt, since NOTTHAT_HOME and NOTTHAT_MODELS have no such file: “<lora:none:1>”." in (
        talk.head.reply
    )
    assert "since only other programs act on them: “[pier|boat]”." in talk.head.reply
    assert "Read as words" not in talk.say("no fog").reply


def test_a_prompt_of_a_tag_alone_is_refused(studio):
    with pytest.raises(InvalidInputError, match="the prompt is empty"):
        Conversation.start("<lora:ink:1>", studio)


def test_generate_reads_tags_and_tells_what_it_reads_as_words(networks, monkeypatch, capsys, tmp_path):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["notthat", "generate", *arguments, "--seed", "1", "--steps", "2", "--json"])
        monkeypatch.chdir(tmp_path)
        with pytest.raises(SystemExit) as exit_:
            main()
        out, err = capsys.readouterr()
        return exit_.value.code, json.loads(out) if out else None, err

    code, made, said = run("a pier <lora:ink:0.8> BREAK", "--negative", "blob, {a|b}")
    assert (code, made["prompt"]) == (0, "a pier BREAK")
    assert said.splitlines() == [
        "notthat: The LoRA “ink” has a weight of 0.8.",
        "notthat: “blob” is read as a textual inversion.",
        "notthat: Read as words in the prompt, since only other programs act on them: “BREAK”.",
        "notthat: Read as words in the negative prompt, since only other programs act on them: “{a|b}”.",
    ]
    by_option = run("a pier BREAK", "--negative", "blob, {a|b}", "--lora", "ink:0.8", "--embedding", "blob")[1]
    assert by_option["sha256"] == made["sha256"]
    assert run("a pier BREAK", "--negative", "blob, {a|b}")[1]["sha256"] != made["sha256"]
    again = run("--from", made["image"])
    assert (again[0], again[1]["sha256"]) == (0, made["sha256"])
    assert run("a pier <lora:ink:x>")[0] == 2


def test_clip_skip_stays_with_a_session_and_is_read_from_a_picture(studio, monkeypatch, capsys, tmp_path):
    plain = Conversation.start("a pier", studio, negative="fog", seed=1, steps=2).head
    talk = Conversation.start("a pier", studio, negative="fog", seed=1, steps=2, request={"clip_skip": 2})
    assert talk.head.sha256 != plain.sha256
    assert talk.say("no hat").request["clip_skip"] == 2
    assert all(result.identical for result in replay_session(studio, talk.id))

    exif = Image.Exif()
    infotext = "a pier\nNegative prompt: fog\nSteps: 2, CFG scale: 5, Seed: 1, Size: 32x32, Clip skip: 2"
    exif[0x8769] = {0x9286: b"UNICODE\0" + infotext.encode("utf-16-be")}
    Image.new("RGB", (8, 8)).save(tmp_path / "pier.jpg", exif=exif)
    monkeypatch.chdir(tmp_path)
    drawn = []
    for more in ([], ["--clip-skip", "1"]):
        monkeypatch.setattr(sys, "argv", ["notthat", "generate", "--from", "pier.jpg", "--json", *more])
        with pytest.raises(SystemExit) as exit_:
            main()
        assert exit_.value.code == 0
        drawn.append(json.loads(capsys.readouterr().out))
    with Image.open(drawn[0]["image"]) as picture:
        assert "Clip skip: 2" in picture.info["parameters"]
    assert drawn[0]["sha256"] != drawn[1]["sha256"]
