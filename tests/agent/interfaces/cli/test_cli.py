"""The command line: what scripts rely on, what people read when it goes wrong, and what a kill leaves behind.

Most tests call `main` in this process, where torch is loaded once; a few run the real command.
"""

import hashlib
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from notthat.agent import Conversation, Studio
from notthat.agent.interfaces.cli import options
from notthat.agent.interfaces.cli.main import main
from notthat.agent.interpreters import OfflineInterpreter
from notthat.generation import StubEngine, request
from notthat.storage import Store

PROMPT = "a harbour at dawn without boats"
TURN_KEYS = [
    *("session", "turn", "parent", "feedback", "edits", "reply", "prompt", "negative", "exclusions"),
    *("seed", "steps", "guidance", "model", "image", "sha256", "seconds"),
    "negative_effect",
    "source",
    "pins",
    "question",
]
EXCLUSION_KEYS = ["term", "weight", "source", "since", "words"]


@dataclass(frozen=True)
class Result:
    """What a command left: its exit code, stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The objects of a `--json` command that went well and said nothing else."""
        assert (self.code, self.err) == (0, "")
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def line(self) -> dict[str, Any]:
        """The one object of such a command."""
        (line,) = self.lines
        return line

    @property
    def reason(self) -> str:
        """The one line on stderr of a command that failed."""
        assert self.out == ""
        assert self.err.startswith("notthat: ")
        assert self.err.endswith("\n")
        assert self.err.count("\n") == 1
        assert "Traceback" not in self.err
        return self.err.removeprefix("notthat: ").strip()


Run = Callable[..., Result]


@pytest.fixture
def notthat(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], model_folder: Path, tmp_path: Path
) -> Run:
    """Runs a command in this process, with the random model as the default one."""
    monkeypatch.setenv("NOTTHAT_MODEL", str(model_folder))
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    monkeypatch.chdir(tmp_path)  # where `generate` draws to when nothing else is said

    def run(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["notthat", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main()
        assert isinstance(exit_.value.code, int)
        return Result(exit_.value.code, *capsys.readouterr())

    return run


@pytest.fixture
def notthat_process(tmp_path: Path, model_folder: Path) -> Run:
    """Runs a command in a process of its own."""

    def run(*arguments: str | bytes, python: tuple[str, ...] = (), **environment: str) -> Result:
        done = subprocess.run(
            [sys.executable, *python, "-m", "notthat", *arguments],
            env={**os.environ, "NOTTHAT_MODEL": str(model_folder), **environment},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


def begin(home: Path, model: Path, *said: str, steps: int | None = None) -> str:
    """A session of the random model's whose pictures a stub drew, because that is quick."""
    studio = Studio(Store.open(home=home), OfflineInterpreter(), model=str(model), load_engine=StubEngine)
    with studio:
        conversation = Conversation.start(PROMPT, studio, seed=3, steps=steps)
        for words in said:
            conversation.say(words)
        return conversation.id


def kept(home: Path) -> list[object]:
    """All that a home keeps: sessions, turns, and the files beside them."""
    with Store.open(home=home) as store:
        turns = [(session, store.turns(session.id)) for session in store.sessions()]
    files = sorted(path for path in home.rglob("*") if path.is_file() and not path.name.startswith("notthat.db"))
    return [turns, [(path, path.read_bytes()) for path in files]]


# The contract of --json


def test_every_method_can_be_asked_for() -> None:
    _, option = get_args(options.Method)
    methods = get_args(get_args(request.Method)[0])
    assert option.metavar == f"<{'|'.join(methods)}>"


def test_a_session_from_its_prompt_to_its_replay(notthat: Run, notthat_process: Run, model_folder: Path) -> None:
    new = notthat("new", PROMPT, "--seed", 7, "--guidance", 2.5, "--policy", "quality", "--json").line
    assert list(new) == TURN_KEYS
    assert (new["turn"], new["parent"], new["feedback"], new["prompt"]) == (0, None, PROMPT, "a harbour at dawn")
    assert (new["seed"], new["steps"], new["guidance"], new["model"]) == (7, 3, 2.5, str(model_folder))
    assert [list(exclusion) for exclusion in new["exclusions"]] == [EXCLUSION_KEYS] * len(new["exclusions"])
    assert new["exclusions"][0]["source"] == "policy:quality"
    with Image.open(new["image"]) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (32, 32))
        assert new["sha256"] == hashlib.sha256(image.tobytes()).hexdigest()
    session = new["session"]

    said = notthat("say", session, "no fog", "--json").line
    assert list(said) == TURN_KEYS
    assert (said["turn"], said["parent"], said["seed"]) == (1, 0, 7)
    assert said["edits"] == [{"op": "exclude", "term": "fog", "weight": 1.0}]
    assert said["exclusions"][-1] == {"term": "fog", "weight": 1.0, "source": "user", "since": 1, "words": "no fog"}
    assert said["negative"].endswith("boats, fog")
    assert said["sha256"] != new["sha256"]

    assert notthat("undo", session, "--json").line == new
    assert notthat("show", session, "--json").line == new
    assert notthat("show", session, "--turn", 1, "--json").line == said
    assert notthat("say", session, "lovely, thanks", "--json").line["turn"] == 0
    again = notthat("say", session, "another one", "--json").line
    assert (again["turn"], again["parent"], again["edits"]) == (2, 0, [{"op": "reroll"}])

    (listed,) = notthat("sessions", "--json").lines
    assert listed.pop("created_at")
    assert listed == {
        "id": session,
        "model": str(model_folder),
        "policies": ["quality"],
        "head": 2,
        "turns": 3,
        "owner": None,
        "sha256": again["sha256"],
        "prompt": "a harbour at dawn",
        "verification": None,
        "pins": [],
    }
    *turns, total = notthat_process("replay", session, "--verify", "--json").lines
    assert turns == [{"turn": number, "identical": True, "max_abs_diff": 0} for number in range(3)]
    assert total == {"turns": 3, "identical": 3}
    assert notthat("db", "check", "--json") == Result(0, "", "")


def test_a_replay_tells_which_turns_came_out_differently(notthat: Run, home: Path) -> None:
    session = notthat("new", PROMPT, "--seed", 7, "--json").line["session"]
    notthat("say", session, "no fog")
    with sqlite3.connect(home / "notthat.db") as db:
        db.execute("UPDATE turns SET request = json_set(request, '$.seed', 8) WHERE number = 1")
    db.close()
    first, second, total = notthat("replay", session, "--json").lines
    assert first == {"turn": 0, "identical": True, "max_abs_diff": 0}
    assert (second["turn"], second["identical"]) == (1, False)
    assert second["max_abs_diff"] > 0
    assert total == {"turns": 2, "identical": 1}

    verified = notthat("replay", session, "--verify", "--json")
    assert verified.code == 1
    assert verified.err == "notthat: 1 of 2 turns differ\n"
    assert [json.loads(line) for line in verified.out.splitlines()] == [first, second, total]


def test_generate_draws_from_one_seed_after_the_other_and_writes_over_nothing(notthat: Run, tmp_path: Path) -> None:
    out = tmp_path / "some" / "pictures"
    asked = ("a harbour, (fog:1.3)", "--negative", "boats", "--guidance", 4, "--out", out, "--json")
    drawn = notthat("generate", *asked, "--seed", 41, "--count", 3).lines
    assert [list(picture) for picture in drawn] == [
        ["image", "sha256", "prompt", "negative", "seed", "steps", "guidance", "width", "height", "model", "seconds"]
    ] * 3
    assert [(picture["seed"], picture["prompt"], picture["negative"]) for picture in drawn] == [
        (seed, "a harbour, (fog:1.3)", "boats") for seed in (41, 42, 43)
    ]
    assert [(picture["steps"], picture["guidance"], picture["width"]) for picture in drawn] == [(3, 4.0, 32)] * 3
    assert len({picture["sha256"] for picture in drawn}) == 3
    files = {path: path.read_bytes() for path in out.iterdir()}
    assert sorted(map(str, files)) == [picture["image"] for picture in drawn]

    single = notthat("generate", *asked, "--seed", 42).line
    assert single["image"] not in map(str, files)
    with Image.open(single["image"]) as one, Image.open(drawn[1]["image"]) as other:
        assert one.tobytes() == other.tobytes()
        assert single["sha256"] == drawn[1]["sha256"] == hashlib.sha256(one.tobytes()).hexdigest()
        request = json.loads(one.text["notthat"])  # type: ignore[attr-defined]
    assert (request["seed"], request["syntax"]) == (42, "plain")
    assert {path: path.read_bytes() for path in files} == files
    assert len(list(out.iterdir())) == 4
    assert notthat("sessions", "--json").lines == []


def test_how_exclusions_act_is_chosen_and_recorded(notthat: Run, tmp_path: Path) -> None:
    drawn = notthat("generate", "a pier", "--negative", "boats", "--guidance", 1, "--method", "nag", "--json").line
    with Image.open(drawn["image"]) as image:
        request = json.loads(image.text["notthat"])  # type: ignore[attr-defined]
    assert (request["method"], request["guidance_scale"], request["no_negative"]) == ("nag", 1.0, False)
    said = notthat("generate", "a pier", "--negative", "boats", "--guidance", 1)
    assert "use more than 1, or --method nag" in said.err


def test_the_former_name_of_lookahead_is_accepted_but_not_shown(notthat: Run) -> None:
    turn = notthat("new", "a pier without boats", "--method", "dynamic", "--json").line
    with Image.open(turn["image"]) as image:
        assert json.loads(image.text["notthat"])["method"] == "lookahead"  # type: ignore[attr-defined]
        assert "Guidance method: lookahead" in image.text["parameters"]  # type: ignore[attr-defined]
    shown = notthat("new", "--help").out
    assert "lookahead" in shown
    assert "dynamic" not in shown


def test_a_session_whose_guidance_is_off_excludes_all_the_same(notthat: Run) -> None:
    turn = notthat("new", "a pier without boats", "--guidance", 1, "--json").line
    assert "exclusions have no effect" not in turn["reply"]
    with Image.open(turn["image"]) as image:
        assert json.loads(image.text["notthat"])["method"] == "nag"  # type: ignore[attr-defined]


def test_generate_refuses_seeds_that_run_out_before_it_draws(notthat: Run, tmp_path: Path) -> None:
    result = notthat("generate", "x", "--seed", 2**63 - 2, "--count", 3, "--out", tmp_path / "out")
    assert (result.code, result.reason.split(":")[0]) == (2, "--seed")
    assert not (tmp_path / "out").exists()


def test_tokens_tells_how_a_prompt_is_read(notthat: Run) -> None:
    read = notthat("tokens", "an (important) thing", "--json").line
    assert list(read) == ["fragments", "tokens", "chunks", "unknown"]
    assert read["fragments"] == [["an ", 1.0], ["important", pytest.approx(1.1)], [" thing", 1.0]]
    assert (read["tokens"], read["chunks"], read["unknown"]) == (len("animportantthing"), 1, [])


def test_interpret_tells_the_edits_and_makes_no_picture(notthat: Run, home: Path) -> None:
    said = notthat("interpret", "the fog is still there", "--prompt", "a pier", "--negative", "(fog:1.1)", "--json")
    assert list(said.line) == ["edits", "reply"]
    assert said.line["edits"] == [{"op": "reweight", "term": "fog", "weight": 1.3}]
    assert notthat("interpret", "marvellous", "--prompt", "a pier", "--json").line["edits"] == []
    assert not (home / "images").exists()


def test_feedback_may_begin_with_dashes(notthat: Run) -> None:
    edits = notthat("interpret", "--no fog, (rain:1.2)", "--prompt", "a pier", "--json").line["edits"]
    assert [(edit["term"], edit["weight"]) for edit in edits] == [("fog", 1.0), ("rain", 1.2)]
    assert notthat("interpret", "no fog", "--jsn").code == 2


def test_interpret_reads_a_batch_line_by_line(notthat: Run, tmp_path: Path) -> None:
    batch = tmp_path / "batch.jsonl"
    lines = [
        {"id": "a", "prompt": "a pier", "negative": "", "feedback": "no fog"},
        {"id": 2, "prompt": "a pier", "negative": "fog", "feedback": "bring the fog back\u2028please"},
        {"id": "é", "prompt": "a pier", "feedback": "lovely, thanks"},
    ]
    batch.write_text("\n\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + "\n", encoding="utf-8")
    read = notthat("interpret", "--batch", batch, "--json").lines
    assert [list(line) for line in read] == [["id", "edits", "reply"]] * 3
    assert [line["id"] for line in read] == ["a", 2, "é"]
    assert read[0]["edits"] == [{"op": "exclude", "term": "fog", "weight": 1.0}]
    assert read[2]["edits"] == []
    assert notthat("interpret", "--batch", batch).lines == read


def test_models_lists_the_built_in_one_and_those_of_the_home(notthat: Run, home: Path, model_folder: Path) -> None:
    (home / "models").mkdir(parents=True)
    (home / "models" / "mine").symlink_to(model_folder)
    built_in, mine = notthat("models", "--json").lines
    assert (built_in["name"], built_in["exclusions"]) == ("mini", "guidance")
    assert mine == {
        "name": str(home / "models" / "mine"),
        "path": str(home / "models" / "mine"),
        "pipeline": "StableDiffusionPipeline",
        "family": "Stable Diffusion 1 or 2",
        "exclusions": "guidance",
        "memory": mine["memory"],
        "complete": True,
        "needs": [],
        "problem": None,
    }
    assert mine["memory"] > 0
    assert "exclusions act by guidance, 0.00 GiB" in notthat("models").out


def test_a_model_is_found_by_its_name_in_the_models_folder(
    notthat: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model_folder: Path
) -> None:
    (tmp_path / "comfy" / "diffusers").mkdir(parents=True)
    (tmp_path / "comfy" / "diffusers" / "random").symlink_to(model_folder)
    monkeypatch.setenv("NOTTHAT_MODELS", str(tmp_path / "comfy"))
    assert [line["name"] for line in notthat("models", "--json").lines] == ["mini", "random"]
    (turn,) = notthat("new", "portrait of a man", "--model", "random", "--quantize", "fp8", "--json").lines
    assert turn["model"] == f"{tmp_path}/comfy/diffusers/random?quantize=fp8"
    monkeypatch.delenv("NOTTHAT_MODELS")
    (second,) = notthat("say", turn["session"], "no hat", "--json").lines
    assert second["model"] == turn["model"]
    *_, last = notthat("replay", turn["session"], "--verify", "--json").lines
    assert last == {"turns": 2, "identical": 2}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["models"], "NOTTHAT_MODELS: /no/such/folder is no folder"),
        (["new", "a man", "--model", "mini", "--quantize", "int3"], "--quantize: int3 is unknown"),
        (["new", "a man", "--model", "mini", "--offload", "disk"], "--offload: disk is unknown"),
    ],
)
def test_wrong_storage_options_and_folders_are_one_line(
    notthat: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str], reason: str
) -> None:
    monkeypatch.setenv("NOTTHAT_MODELS", "/no/such/folder")
    result = notthat(*arguments)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert reason in result.err


def test_the_database_is_looked_after(notthat: Run, home: Path, model_folder: Path) -> None:
    session = begin(home, model_folder, "no fog")
    assert notthat("db", "upgrade", "--json").line == {"revision": "0009"}
    with Store.open(home=home) as store:
        stray = store.images.path(store.images.save(Image.new("RGB", (8, 8), "teal"), {}, {}), {})
        missing = store.turn(session, 0).image

    (finding,) = notthat("db", "check", "--json").lines
    assert list(finding) == ["kind", "place", "message", "harmless"]
    assert (finding["kind"], finding["place"], finding["harmless"]) == ("unused picture", str(stray), True)

    pruned = {"pictures": [str(stray)], "temporary": [], "bytes": stray.stat().st_size}
    assert notthat("db", "prune", "--dry-run", "--json").line == {**pruned, "dry_run": True}
    assert stray.exists()
    assert notthat("db", "prune", "--json").line == {**pruned, "dry_run": False}
    assert not stray.exists()
    assert notthat("db", "prune").out == "freed 0 bytes: 0 pictures, 0 temporary files\n"

    missing.unlink()
    damaged = notthat("db", "check", "--json")
    assert (damaged.code, damaged.err) == (
        1,
        "notthat: the store is damaged, see above: try notthat db check --repair, or restore a backup\n",
    )
    assert (json.loads(damaged.out)["kind"], json.loads(damaged.out)["harmless"]) == ("missing picture", False)


@pytest.mark.parametrize("model", ["random", "mini"])
def test_a_session_is_taken_elsewhere_and_comes_out_the_same(
    notthat: Run, model_folder: Path, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = str(model_folder) if model == "random" else model
    session = notthat("new", PROMPT, "--seed", 7, "--steps", 2, "--model", name, "--json").line["session"]
    assert notthat("say", session, "no fog", "--json").line["model"] == name
    shown = notthat("show", session, "--json").line
    file = tmp_path / "harbour.zip"
    assert notthat("export", session, file, "--json").line == {"session": session, "turns": 2, "file": str(file)}

    monkeypatch.setenv("NOTTHAT_HOME", str(tmp_path / "elsewhere"))
    assert notthat("import", file, "--json").line == {"session": session, "turns": 2, "file": str(file)}
    there = notthat("show", session, "--json").line
    assert {**there, "image": ""} == {**shown, "image": ""}
    assert there["image"].startswith(str(tmp_path / "elsewhere"))
    page, film, sheet = (tmp_path / name for name in ("page.html", "film.gif", "sheet.png"))
    looked = notthat("replay", session, "--verify", "--html", page, "--gif", film, "--grid", sheet, "--json")
    assert looked.code == 0
    assert json.loads(looked.out.splitlines()[-1]) == {"turns": 2, "identical": 2}
    assert all(path.stat().st_size > 0 for path in (page, film, sheet))
    assert notthat("import", file).code == 2
    assert notthat("db", "check", "--json") == Result(0, "", "")


def test_a_turn_that_failed_is_listed_and_drawn_again(notthat: Run, home: Path, model_folder: Path) -> None:
    session = begin(home, model_folder, "no fog")
    with Studio(Store.open(home=home), OfflineInterpreter(), load_engine=StubEngine) as studio:
        conversation = Conversation.open(session, studio)

        def stop(_: object) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            conversation.say("no rain", stop)
    listed = notthat("sessions", "--unfinished", "--json").line
    assert list(listed) == ["session", "turn", "parent", "status", "reason", "feedback", "created_at"]
    assert (listed["turn"], listed["status"], listed["feedback"]) == (2, "cancelled", "no rain")
    turn = notthat("retry", session, "--json").line
    assert list(turn) == TURN_KEYS
    assert (turn["turn"], turn["parent"], turn["negative"]) == (2, 1, "boats, fog, rain")
    assert notthat("sessions", "--unfinished", "--json").lines == []
    assert "nothing to retry" in notthat("retry", session).reason
    assert len(notthat("sessions", "--limit", 1, "--json").lines) == 1


def test_words_are_read_again_and_a_turn_is_branched(notthat: Run, home: Path, model_folder: Path) -> None:
    session = begin(home, model_folder, "no fog")
    *turns, total = notthat("replay", session, "--interpret", "--verify", "--json").lines
    assert [(turn["turn"], turn["same"]) for turn in turns] == [(0, True), (1, True)]
    assert total == {"turns": 2, "same": 2}
    branched = notthat("replay", session, "--from", 0, "--with", "no rain", "--json").line
    assert (branched["turn"], branched["parent"], branched["negative"]) == (2, 0, "boats, rain")


def test_generate_draws_like_a_picture_that_says_how_it_was_made(notthat: Run, tmp_path: Path) -> None:
    out = tmp_path / "pictures"
    made = notthat("generate", PROMPT, "--negative", "fog", "--seed", 5, "--out", out, "--json").line
    again = notthat("generate", "--from", made["image"], "--out", out, "--json").line
    assert again["image"] != made["image"]
    assert {**again, "image": "", "seconds": 0} == {**made, "image": "", "seconds": 0}
    other = notthat("generate", "--from", made["image"], "--seed", 6, "--negative", "", "--out", out, "--json").line
    assert (other["seed"], other["negative"], other["prompt"]) == (6, "", PROMPT)

    assert notthat("generate", "--from", tmp_path / "nowhere.png").reason == f"there is no file {tmp_path}/nowhere.png"
    plain = tmp_path / "plain.png"
    Image.new("RGB", (8, 8)).save(plain)
    assert "has no metadata" in notthat("generate", "--from", plain).reason
    commanding = PngInfo()
    commanding.add_text("parameters", "a pier\nSteps: \x1b[2J\x07, Seed: 1, CFG scale: 5")
    Image.new("RGB", (8, 8)).save(plain, pnginfo=commanding)
    reason = notthat("generate", "--from", plain).reason
    assert reason == "the picture's “Steps” is no number: [2J"


def test_generate_starts_from_a_picture_and_a_mask(notthat: Run, tmp_path: Path) -> None:
    picture, mask = tmp_path / "picture.jpg", tmp_path / "mask.png"
    Image.new("RGB", (64, 48), (200, 170, 120)).save(picture)
    half = Image.new("L", (64, 48))
    half.paste(255, (32, 0, 64, 48))
    half.save(mask)
    asked = ["generate", PROMPT, "--seed", 5, "--steps", 4, "--init-image", picture, "--json"]
    made = notthat(*asked, "--strength", 0.5, "--mask", mask, "--out", "a").line
    assert made["width"] * made["height"] <= 32 * 32 * 1.2  # about as many pixels as the model draws by default
    assert made["width"] > made["height"]
    drawn = Image.open(made["image"])
    assert "Denoising strength: 0.5" in drawn.text["parameters"]  # type: ignore[attr-defined]
    source = Image.open(picture).convert("RGB").resize(drawn.size, Image.Resampling.LANCZOS)
    left = (0, 0, drawn.width // 2, drawn.height)
    assert drawn.crop(left).tobytes() == source.crop(left).tobytes()
    assert drawn.tobytes() != source.tobytes()

    assert "give that with --init-image" in notthat("generate", "--from", made["image"]).reason
    assert "give that with --mask" in notthat("generate", "--from", made["image"], "--init-image", picture).reason
    given = ["--init-image", picture, "--mask", mask, "--out", "b", "--json"]
    assert notthat("generate", "--from", made["image"], *given).line["sha256"] == made["sha256"]
    none = notthat(*asked, "--strength", 0, "--width", 64, "--height", 48, "--out", "c").line
    assert none["sha256"] == hashlib.sha256(Image.open(picture).convert("RGB").tobytes()).hexdigest()


# What people read


def test_people_are_shown_the_newest_sessions_and_programs_all(notthat: Run, home: Path) -> None:
    with Studio(Store.open(home=home), OfflineInterpreter(), model="stub", load_engine=StubEngine) as studio:
        ids = [Conversation.start(f"a boat {k}", studio, seed=k).id for k in range(22)][::-1]
    shown = notthat("sessions")
    assert [line.split()[0] for line in shown.out.splitlines()] == ids[:20]
    assert shown.err == "2 more: --limit 22\n"
    assert len(notthat("sessions", "--limit", 3).out.splitlines()) == 3
    whole = notthat("sessions", "--limit", 22)
    assert (len(whole.out.splitlines()), whole.err) == (22, "")
    programs = notthat("sessions", "--json")
    assert ([line["id"] for line in programs.lines], programs.err) == (ids, "")


def test_without_json_people_read_what_happened(notthat: Run, home: Path, model_folder: Path) -> None:
    session = begin(home, model_folder, "no fog")
    with Store.open(home=home) as store:
        first, second = store.turns(session)
        begun = store.session(session).created_at
    assert notthat("sessions").out.split() == [
        *(session, begun.isoformat()[:19], "2", "turns"),
        *("a", "harbour", "at", "dawn"),
    ]
    shown = notthat("show", session).out
    for text in ("turn 1: no fog", second.reply, str(second.image), "without boats, fog", "(seed 3)"):
        assert text in shown
    assert ["fog", "1", "user", "1", "no", "fog"] in [line.split() for line in shown.splitlines()]
    assert notthat("undo", session).out.splitlines() == [
        "Back to turn 0.",
        first.reply,
        "without boats",
        str(first.image),
    ]
    new = notthat("new", PROMPT, "--policy", "quality")
    shown = notthat("show", new.err.split()[4]).out
    assert ["blurry", "1", "policy:quality", "0"] in [line.split() for line in shown.splitlines()]
    assert new.err.startswith("Continue with:  notthat say ")
    assert ", boats\n" in new.out
    assert notthat("interpret", "no fog", "--prompt", "a pier").out.splitlines() == [
        "Excluded “fog”.",
        '{"op": "exclude", "term": "fog", "weight": 1.0}',
    ]
    assert notthat("db", "check").out == "no damage found\n"


def test_help_is_quick(notthat_process: Run) -> None:
    shown = notthat_process("--help", python=("-X", "importtime"))
    assert shown.code == 0
    assert "Create and correct a picture" in shown.out
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in shown.err.splitlines()}
    assert "notthat" in imported
    assert imported.isdisjoint({"torch", "diffusers", "transformers", "numpy", "PIL", "sqlalchemy", "pydantic"})
    assert not [name for name in imported if name.startswith(("langchain", "langgraph", "openai", "httpx"))]


def test_no_command_at_all_shows_the_help(notthat: Run) -> None:
    for command in ((), ("db",)):
        result = notthat(*command)
        assert (result.code, result.err) == (2, "notthat: no command given: see notthat --help\n")
        assert "Usage:" in result.out


# Bad input

LONG = "weather " * 10_000

BAD_INPUT: dict[str, tuple[int, list[object]]] = {
    "empty prompt": (2, ["new", ""]),
    "blank prompt": (2, ["new", " \n "]),
    "unseen prompt": (2, ["new", "\u200b\u2060"]),
    "long prompt": (2, ["new", LONG]),
    "blank feedback": (2, ["say", "SESSION", " \t "]),
    "long feedback": (2, ["say", "SESSION", LONG]),
    "unknown session to say": (2, ["say", "0123456789abcdef", "no fog"]),
    "unknown session to undo": (2, ["undo", "0123456789abcdef"]),
    "unknown session to show": (2, ["show", "../../etc/passwd"]),
    "unknown session to replay": (2, ["replay", ""]),
    "an unknown session to export": (2, ["export", "0123456789abcdef", "new.zip"]),
    "a file to import that is none": (2, ["import", "FILE"]),
    "a picture to draw like that is none": (2, ["generate", "--from", "FILE"]),
    "nothing to draw": (2, ["generate"]),
    "half a branch": (2, ["replay", "SESSION", "--from", 0]),
    "two replays at once": (2, ["replay", "SESSION", "--interpret", "--html", "page.html"]),
    "nothing kept to look at": (2, ["replay", "SESSION", "--kept"]),
    "nothing to retry": (2, ["retry", "SESSION"]),
    "unknown turn": (2, ["show", "SESSION", "--turn", 2]),
    "negative turn": (2, ["show", "SESSION", "--turn", -1]),
    "no turns undone": (2, ["undo", "SESSION", "--turns", 0]),
    "too many turns undone": (2, ["undo", "SESSION", "--turns", 2]),
    "a model folder that is none": (2, ["new", PROMPT, "--model", "FOLDER"]),
    "a model file that is none": (2, ["new", PROMPT, "--model", "FILE"]),
    "a missing model": (2, ["new", PROMPT, "--model", "./no/such/model"]),
    "a missing checkpoint": (2, ["generate", PROMPT, "--model", "no/such.safetensors"]),
    "a model to read with that is none": (2, ["tokens", PROMPT, "--model", "FOLDER"]),
    "an empty model": (2, ["new", PROMPT, "--model", ""]),
    "an empty model to draw with": (2, ["generate", PROMPT, "--model", ""]),
    "steps 0": (2, ["new", PROMPT, "--steps", 0]),
    "steps abc": (2, ["new", PROMPT, "--steps", "abc"]),
    "steps 1001": (2, ["generate", PROMPT, "--steps", 1001]),
    "guidance nan": (2, ["new", PROMPT, "--guidance", "nan"]),
    "guidance inf": (2, ["generate", PROMPT, "--guidance", "inf"]),
    "guidance -1": (2, ["new", PROMPT, "--guidance", "-1"]),
    "a negative seed": (2, ["new", PROMPT, "--seed", "-1"]),
    "a seed too large": (2, ["new", PROMPT, "--seed", 2**63]),
    "a width of no use": (2, ["generate", PROMPT, "--width", 33]),
    "a method of no name": (2, ["new", PROMPT, "--method", "magic"]),
    "a LoRA that is none": (2, ["new", PROMPT, "--lora", "FILE"]),
    "a LoRA's weight that is none": (2, ["generate", PROMPT, "--lora", "x.safetensors:much"]),
    "an embedding that is none": (2, ["generate", PROMPT, "--embedding", "FILE"]),
    "a session and a method": (2, ["chat", "--session", "SESSION", "--method", "nag"]),
    "count 0": (2, ["generate", PROMPT, "--count", 0]),
    "a strength of no picture": (2, ["generate", PROMPT, "--strength", 0.5]),
    "a mask of no picture": (2, ["generate", PROMPT, "--mask", "FILE"]),
    "a strength of 2": (2, ["generate", PROMPT, "--init-image", "PICTURE", "--strength", 2]),
    "a picture to start from that is none": (2, ["generate", PROMPT, "--init-image", "FILE"]),
    "a picture to start from that is nowhere": (2, ["generate", PROMPT, "--init-image", "no/such.png"]),
    "an out that is a file": (2, ["generate", PROMPT, "--out", "FILE"]),
    "an unknown policy": (2, ["new", PROMPT, "--policy", "nope"]),
    "an unknown command": (2, ["paint", PROMPT]),
    "an unknown option": (2, ["new", PROMPT, "--colour", "teal"]),
    "a missing argument": (2, ["say", "SESSION"]),
    "an argument too many": (2, ["undo", "SESSION", "twice"]),
    "a broken batch": (2, ["interpret", "--batch", "FILE", "--json"]),
    "a missing batch": (2, ["interpret", "--batch", "no/such/file", "--json"]),
    "a batch that is a folder": (2, ["interpret", "--batch", "FOLDER", "--json"]),
    "feedback and a batch": (2, ["interpret", "no fog", "--batch", "FILE", "--json"]),
    "neither feedback nor a batch": (2, ["interpret", "--json"]),
    "a prompt and a session": (2, ["chat", PROMPT, "--session", "SESSION"]),
    "a session and a model": (2, ["chat", "--session", "SESSION", "--model", "mini"]),
    "a session and a policy": (2, ["chat", "--session", "SESSION", "--policy", "quality"]),
    "an unknown session to chat": (2, ["chat", "--session", "0123456789abcdef"]),
}


@pytest.mark.parametrize("bad", BAD_INPUT)
def test_bad_input_is_told_in_one_line_and_changes_nothing(
    notthat: Run, home: Path, model_folder: Path, tmp_path: Path, bad: str
) -> None:
    session = begin(home, model_folder, "no fog")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text('{"id": "a", "feedback": "no fog"}\n{"id": "b", "feedback": \n')
    Image.new("RGB", (32, 32)).save(tmp_path / "picture.png")
    meant = {"SESSION": session, "FOLDER": tmp_path / "folder", "FILE": tmp_path / "file"}
    meant["PICTURE"] = tmp_path / "picture.png"
    code, command = BAD_INPUT[bad]
    listed, before = notthat("sessions", "--json"), kept(home)

    result = notthat(*(meant.get(str(argument), argument) for argument in command))
    assert (result.code, len(result.reason) < 300) == (code, True), result
    assert notthat("sessions", "--json") == listed
    assert kept(home) == before


@pytest.mark.parametrize(
    "line",
    [
        *("no json", "[]", '"text"', "null", "{}"),
        *('{"id": 1}', '{"feedback": "no fog"}', '{"id": 1, "feedback": 7}', '{"id": 1, "feedback": "x", "prompt": 7}'),
    ],
)
def test_a_broken_line_of_a_batch_is_told_by_its_number_before_any_is_answered(
    notthat: Run, tmp_path: Path, line: str
) -> None:
    batch = tmp_path / "batch.jsonl"
    batch.write_text(f'{{"id": 1, "feedback": "no fog"}}\n\n{line}\n')
    result = notthat("interpret", "--batch", batch, "--json")
    assert result.code == 2
    assert result.reason == f'{batch}, line 3: expected {{"id","prompt","negative","feedback"}}'


def test_a_database_of_a_newer_notthat_is_left_alone(notthat: Run, home: Path, model_folder: Path) -> None:
    session = begin(home, model_folder, "no fog")
    listed = notthat("sessions", "--json")

    def set_revision(revision: str) -> None:
        with sqlite3.connect(home / "notthat.db") as db:
            db.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        db.close()

    set_revision("9999")
    for command in (["sessions"], ["new", PROMPT], ["say", session, "no fog"], ["db", "upgrade"], ["db", "check"]):
        result = notthat(*command, "--json")
        assert (result.code, "made by a newer notthat" in result.reason) == (1, True), command
    set_revision("0009")
    assert notthat("sessions", "--json") == listed


@pytest.mark.parametrize("command", [["sessions"], ["new", PROMPT], ["db", "upgrade"], ["db", "check"]])
def test_a_home_that_is_a_file_is_told_so(notthat: Run, home: Path, command: list[str]) -> None:
    home.write_text("something of the user's")
    result = notthat(*command, "--json")
    assert (result.code, str(home) in result.reason) == (1, True)
    assert home.read_text() == "something of the user's"


def test_a_home_that_cannot_be_written_is_told_so(notthat: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTTHAT_HOME", "/proc/notthat")  # where not even root may make a folder
    result = notthat("new", PROMPT)
    assert (result.code, "/proc/notthat" in result.reason) == (1, True)


def test_a_full_disk_is_told_and_loses_nothing(notthat: Run, home: Path, model_folder: Path) -> None:
    session = begin(home, model_folder, "no fog")
    before = kept(home)
    done = subprocess.run(
        [sys.executable, "-m", "notthat", "say", session, "no rain", "--json"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024)),  # no file grows beyond that
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    result = Result(done.returncode, done.stdout, done.stderr)
    assert (result.code, result.out, len(result.reason) > 0) == (1, "", True)
    assert kept(home) == before
    assert notthat("db", "check").code == 0


def test_settings_that_cannot_be_right_are_told_so(notthat: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTTHAT_INTERPRETER", "oracle")
    result = notthat("sessions", "--json")
    assert (result.code, result.reason.split(":")[0]) == (2, "NOTTHAT_INTERPRETER")
    monkeypatch.delenv("NOTTHAT_INTERPRETER")
    home.mkdir()
    (home / "config.toml").write_text("model = ")
    result = notthat("new", PROMPT, "--json")
    assert (result.code, result.reason.split(" ")[0]) == (2, "config.toml")


def test_a_model_that_is_on_no_disk_is_told_so(notthat: Run, home: Path) -> None:
    result = notthat("new", PROMPT, "--model", "nobody/nothing", "--json")
    assert (result.code, result.reason.startswith("nobody/nothing is not complete on this machine")) == (2, True)
    assert notthat("sessions", "--json").lines == []


def test_a_size_the_model_cannot_draw_is_told_so(notthat: Run, tmp_path: Path) -> None:
    result = notthat("generate", "x", "--model", os.environ["NOTTHAT_MODEL"], "--width", 8192 + 8, "--out", tmp_path)
    assert (result.code, result.reason.split(":")[0]) == (2, "--width")


def test_a_mistake_of_ours_is_one_line_too(
    notthat: Run, monkeypatch: pytest.MonkeyPatch, home: Path, model_folder: Path
) -> None:
    session = begin(home, model_folder)

    def fail(*_: object) -> None:
        raise ZeroDivisionError("a slip\nof two lines")

    monkeypatch.setattr(Conversation, "say", fail)
    result = notthat("say", session, "no fog", "--json")
    assert result.code == 1
    assert result.reason == "ZeroDivisionError: a slip of two lines (set NOTTHAT_TRACEBACK=1 for a traceback)"


# Processes


def test_a_real_process_keeps_the_contract_too(notthat_process: Run) -> None:
    result = notthat_process("new", "", "--json")
    assert (result.code, result.reason) == (2, "the prompt is empty: say what the picture should show")
    latin = notthat_process("interpret", b"caf\xe9 without fog", "--prompt", "a pier", "--json")
    assert latin.line["reply"]
    narrow = notthat_process("interpret", "no crêpes", "--prompt", "a café", "--json", PYTHONIOENCODING="ascii")
    assert narrow.line["edits"] == [{"op": "exclude", "term": "crêpes", "weight": 1.0}]


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    batch = tmp_path / "batch.jsonl"
    batch.write_text('{"id": 1, "prompt": "a pier", "feedback": "no fog"}\n' * 5000)
    command = [sys.executable, "-m", "notthat", "interpret", "--batch", str(batch), "--json"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["id"] == 1
        process.stdout.close()
        assert process.stderr.read() == b""


def drawing(terminal: Callable[..., Any], session: str) -> Any:
    """A `say` that has drawn its first step of many; its bar on the terminal tells."""
    running = terminal("say", session, "no rain", "--json", stdout=subprocess.PIPE)
    running.wait_for(r"drawing\D*[1-9]\d*/999")
    return running


def test_a_kill_in_mid_turn_loses_no_finished_turn(
    notthat: Run, home: Path, model_folder: Path, terminal: Callable[..., Any]
) -> None:
    session = begin(home, model_folder, "no fog", steps=999)
    listed, before = notthat("sessions", "--json"), kept(home)
    running = drawing(terminal, session)
    running.process.kill()
    assert running.wait_for_end() == -signal.SIGKILL
    assert running.process.stdout.read() == b""

    check = notthat("db", "check", "--json")
    assert check.code == 0
    assert all(json.loads(line)["harmless"] for line in check.out.splitlines())
    assert notthat("sessions", "--json") == listed
    assert kept(home) == before
    with Studio(Store.open(home=home), OfflineInterpreter(), load_engine=StubEngine) as studio:
        turn = Conversation.open(session, studio).say("no rain")
        assert (turn.number, turn.parent, turn.negative) == (2, 1, "boats, fog, rain")


def test_a_turn_that_is_interrupted_changes_nothing(
    notthat: Run, home: Path, model_folder: Path, terminal: Callable[..., Any]
) -> None:
    session = begin(home, model_folder, "no fog", steps=999)
    before = kept(home)
    running = drawing(terminal, session)
    running.process.send_signal(signal.SIGINT)
    assert running.wait_for_end() == 130
    assert running.process.stdout.read() == b""
    assert running.transcript.splitlines()[-1] == "notthat: interrupted"
    assert "Traceback" not in running.transcript
    assert kept(home) == before
    assert notthat("db", "check", "--json") == Result(0, "", "")


def test_why_tells_a_terms_story(notthat: Run, home: Path, model_folder: Path) -> None:
    session = begin(home, model_folder, "no fog", "still foggy")
    events = json.loads(notthat("why", session, "fog", "--json").out)["events"]
    assert [(event["turn"], event["words"]) for event in events] == [(1, "no fog"), (2, "still foggy")]
    assert "no fog" in notthat("why", session, "fog").out
    assert "never" in notthat("why", session, "dragon").out


def test_show_measures_how_far_each_term_moves_the_picture(notthat: Run, home: Path, model_folder: Path) -> None:
    session = begin(home, model_folder, "no fog")
    shown = notthat("show", session, "--effects", "--json").line
    assert list(shown) == [*TURN_KEYS, "effects"]
    assert list(shown["effects"]) == ["boats", "fog"]
    assert all(moved > 0 for moved in shown["effects"].values())
    table = notthat("show", session, "--effects").out
    assert "effect" in table
    assert f"{shown['effects']['fog']:.1%}" in table
    assert "effect" not in notthat("show", session).out
