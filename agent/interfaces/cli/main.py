"""The command line: each command calls `Conversation`, `Store` or `Engine` and prints the result.

Exit codes: 0 for success, 1 for a failure, 2 for invalid input, 130 for Ctrl-C. Errors are one line on stderr.
Commands import their dependencies inside the function, so that `--help` is fast.
"""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .... import __version__
from ....errors import InvalidInputError, NotthatError
from . import archive, audit, database, keys, mcp, replay, report, serve, sessions, show
from .options import (
    ClipSkip,
    Embedding,
    From,
    Guidance,
    Json,
    JudgeName,
    LLMTimeout,
    Lora,
    Mask,
    Method,
    Model,
    NewSeeds,
    Offload,
    Quantize,
    Seed,
    SessionId,
    Steps,
    Strength,
    TextEncoder,
    Tries,
    Vae,
    Verify,
    load_settings,
    name_model,
    open_studio,
    request_extras,
    verify_options,
)

if TYPE_CHECKING:
    from ...conversation import Turn
    from ...studio import Studio

app = typer.Typer(
    name="notthat",
    help="Say what is wrong with the picture; get it again without it.",
    epilog='Example:  notthat chat "portrait of a man without mustache"',
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

_DEFAULT_PROMPT = "picture"
"""Stands for an unknown prompt: feedback then refers to a picture that exists."""

_FEEDBACK = {"ignore_unknown_options": True}
"""So that feedback may begin with dashes: "--no fog"."""
_INTERRUPTED = 130  # the convention of shells: 128 + SIGINT


def main() -> None:
    """Run the command line. Every failure becomes one line on stderr and an exit code."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        code = app(standalone_mode=False)
        if code == _INTERRUPTED:  # typer returns it after Ctrl-C
            _fail("interrupted", code)
    except typer.Exit as error:
        code = error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        code = _fail("interrupted", _INTERRUPTED)
    except typer.TyperException as error:
        code = _fail(error.format_message() or "no command given: see notthat --help", 2)
    except InvalidInputError as error:
        code = _fail(str(error), 2)
    except NotthatError as error:
        code = _fail(str(error), 1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the flush at exit does not fail again
        code = 1
    except Exception as error:
        if os.environ.get("NOTTHAT_TRACEBACK"):
            raise
        code = _fail(f"{type(error).__name__}: {error} (set NOTTHAT_TRACEBACK=1 for a traceback)", 1)
    sys.exit(code if isinstance(code, int) else 0)


def _print_version(is_requested: bool) -> None:
    if is_requested:
        typer.echo(f"notthat {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Say what is wrong with the picture; get it again without it."""


@app.command()
def chat(
    prompt: Annotated[str | None, typer.Argument(help="What the picture should show.")] = None,
    session: Annotated[str | None, typer.Option(help="Id of the session to continue.")] = None,
    seed: Seed = None,
    steps: Steps = None,
    guidance: Guidance = None,
    policy: Annotated[list[str] | None, typer.Option(help="A policy: a set of exclusions that always apply.")] = None,
    model: Model = None,
    text_encoder: TextEncoder = None,
    vae: Vae = None,
    quantize: Quantize = None,
    offload: Offload = None,
    method: Method = None,
    lora: Lora = None,
    embedding: Embedding = None,
    clip_skip: ClipSkip = None,
    verify: Verify = None,
    tries: Tries = None,
    judge: JudgeName = None,
    new_seeds: NewSeeds = False,
    llm_timeout: LLMTimeout = None,
) -> None:
    """Create and correct a picture interactively. Each line is feedback; /help lists the commands.

    Example:  notthat chat "portrait of a man without mustache"
    """
    from .chat_repl import ChatRepl

    model = name_model(model, text_encoder, vae, quantize, offload)
    request = request_extras(method, lora, embedding, clip_skip) or None
    verification = verify_options(verify, tries, judge, new_seeds)
    options = {
        "seed": seed,
        "steps": steps,
        "guidance": guidance,
        "request": request,
        "verification": verification,
    }
    if session is not None and any(value is not None for value in (prompt, policy, model, *options.values())):
        raise InvalidInputError("--session keeps the options of the session: give no prompt and no other option")
    with open_studio(model, llm_timeout) as studio:
        ChatRepl(studio, policies=tuple(policy or ()), **options).run(prompt, session)


@app.command()
def new(
    prompt: Annotated[str, typer.Argument(help="What the picture should show; “without X” excludes X.")],
    seed: Seed = None,
    steps: Steps = None,
    guidance: Guidance = None,
    policy: Annotated[list[str] | None, typer.Option(help="A policy: a set of exclusions that always apply.")] = None,
    model: Model = None,
    text_encoder: TextEncoder = None,
    vae: Vae = None,
    quantize: Quantize = None,
    offload: Offload = None,
    method: Method = None,
    lora: Lora = None,
    embedding: Embedding = None,
    clip_skip: ClipSkip = None,
    source: From = None,
    strength: Strength = None,
    mask: Mask = None,
    verify: Verify = None,
    tries: Tries = None,
    judge: JudgeName = None,
    new_seeds: NewSeeds = False,
    llm_timeout: LLMTimeout = None,
    as_json: Json = False,
) -> None:
    """Start a session with its first picture.

    With --from it starts from a picture of yours. If a session drew that picture, the text is feedback on it instead.

    Examples:  notthat new "portrait of a man without mustache" --seed 7

               notthat new "portrait of a man, no watermark" --from photo.png --strength 0.5
    """
    from ...conversation import Conversation
    from .console import progress

    verification = verify_options(verify, tries, judge, new_seeds)
    model = name_model(model, text_encoder, vae, quantize, offload)
    extras = request_extras(method, lora, embedding, clip_skip)
    with open_studio(model, llm_timeout) as studio:
        own = None if source is None or strength is not None or mask else Conversation.continue_from(source, studio)
        if own is not None:
            if any((seed is not None, steps, guidance is not None, policy, model, extras, verification)):
                raise InvalidInputError(
                    f"{source} is turn {own.head.number} of session {own.id}, which keeps its options: give none, or "
                    "--strength to start a new session from it"
                )
            typer.echo(f"This picture is turn {own.head.number} of session {own.id}, which goes on from it.", err=True)
        with progress("drawing", previews=not as_json) as on_step:
            conversation = own or Conversation.start(
                prompt,
                studio,
                seed=seed,
                steps=steps,
                guidance=guidance,
                policies=policy or (),
                request=extras,
                verification=verification,
                picture=source,
                strength=strength,
                mask=mask,
                on_step=on_step,
            )
            if own is not None:
                own.head = own.say(prompt, on_step)
        _print_turn(studio, conversation.head, as_json)
    if not as_json:
        typer.echo(f'Continue with:  notthat say {conversation.id} "too dark"', err=True)


@app.command(context_settings=_FEEDBACK)
def say(
    session: SessionId,
    feedback: Annotated[str, typer.Argument(help="What is wrong with the picture.")],
    verify: Verify = None,
    tries: Tries = None,
    judge: JudgeName = None,
    new_seeds: NewSeeds = False,
    llm_timeout: LLMTimeout = None,
    as_json: Json = False,
) -> None:
    """Give feedback on the picture of a session and draw it again.

    If it is in doubt what is meant, nothing is drawn and a question is printed; answer it the same way: say SESSION yes

    Example:  notthat say 3f9c2a71d0b45e86 "too cartoonish, and no watermark"
    """
    from ...conversation import Conversation
    from .console import emit, progress, show_answered_turn

    verification = verify_options(verify, tries, judge, new_seeds)
    with open_studio(llm_timeout=llm_timeout) as studio:
        conversation = Conversation.open(session, studio)
        if verify is not None:
            conversation.set_verification(verification)
        with progress("drawing", previews=not as_json) as on_step:
            turn = conversation.say(feedback, on_step)
        if as_json:
            emit(_turn_json(turn))
        else:
            show_answered_turn(turn, lambda: studio.store.images.open(turn.sha256))
    if turn.question is not None and not as_json:
        typer.echo(f"Answer with:  notthat say {session} {'1' if turn.question.choose else 'yes'}", err=True)


@app.command()
def undo(
    session: SessionId,
    turns: Annotated[int, typer.Option(help="How many turns to go back.")] = 1,
    as_json: Json = False,
) -> None:
    """Go back to an earlier turn. Nothing is deleted.

    Example:  notthat undo 3f9c2a71d0b45e86 --turns 2
    """
    from ...conversation import Conversation

    with open_studio() as studio:
        turn = Conversation.open(session, studio).undo(turns)
        if not as_json:
            typer.echo(f"Back to turn {turn.number}.")
        _print_turn(studio, turn, as_json)


@app.command()
def retry(
    session: SessionId,
    turn: Annotated[
        int | None, typer.Option(help="Number of the turn; by default the latest without a picture.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Retry a turn that failed, was cancelled or crashed. notthat sessions --unfinished lists them.

    Example:  notthat retry 3f9c2a71d0b45e86
    """
    from ...conversation import Conversation
    from .console import progress

    with open_studio() as studio:
        with progress("drawing", previews=not as_json) as on_step:
            conversation = Conversation.retry(session, studio, turn=turn, on_step=on_step)
        _print_turn(studio, conversation.head, as_json)


@app.command(context_settings=_FEEDBACK)
def interpret(
    feedback: Annotated[str | None, typer.Argument(help="Feedback on a picture, in any words.")] = None,
    prompt: Annotated[
        str, typer.Option(help="Prompt of the picture; empty for a first description.")
    ] = _DEFAULT_PROMPT,
    negative: Annotated[str, typer.Option(help="Current negative prompt, such as: watermark, (blurry:1.3)")] = "",
    batch: Annotated[
        Path | None, typer.Option(help='A file with one {"id","prompt","negative","feedback"} per line.')
    ] = None,
    llm_timeout: LLMTimeout = None,
    as_json: Json = False,
) -> None:
    """Show which edits the feedback is interpreted as, without drawing.

    Example:  notthat interpret "too cartoonish, and no watermark" --prompt "portrait of a man"
    """
    from ...studio import create_interpreter
    from .console import emit
    from .interpret import interpret_line, read_batch

    interpreter = create_interpreter(load_settings(llm_timeout=llm_timeout))
    if (feedback is None) == (batch is None):
        raise InvalidInputError("give either FEEDBACK or --batch FILE")
    if batch is None:
        result = interpret_line(interpreter, {"prompt": prompt, "negative": negative, "feedback": feedback})
        if as_json:
            emit(result)
            return
        typer.echo(result["reply"])
        for edit in result["edits"]:
            typer.echo(json.dumps(edit, ensure_ascii=False))
        return
    for line in read_batch(batch):
        emit({"id": line["id"], **interpret_line(interpreter, line)})


@app.command()
def generate(
    prompt: Annotated[str | None, typer.Argument(help="The prompt, used verbatim.")] = None,
    negative: Annotated[str | None, typer.Option(help="The negative prompt, used verbatim.")] = None,
    from_: Annotated[
        Path | None,
        typer.Option("--from", help="A picture with generation metadata; other options override it."),
    ] = None,
    seed: Seed = None,
    steps: Steps = None,
    guidance: Guidance = None,
    width: Annotated[int | None, typer.Option(help="In pixels; by default the model's size.")] = None,
    height: Annotated[int | None, typer.Option(help="In pixels; by default the model's size.")] = None,
    model: Model = None,
    text_encoder: TextEncoder = None,
    vae: Vae = None,
    quantize: Quantize = None,
    offload: Offload = None,
    method: Method = None,
    lora: Lora = None,
    embedding: Embedding = None,
    clip_skip: ClipSkip = None,
    init_image: Annotated[Path | None, typer.Option(metavar="FILE", help="A picture to start from.")] = None,
    strength: Annotated[
        float | None, typer.Option(help="How far from that picture: 0 keeps it, 1 ignores it; by default 0.6.")
    ] = None,
    mask: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A mask of that picture: white is drawn anew, black is kept.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=10_000, help="Number of pictures, with consecutive seeds.")] = 1,
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder for the pictures.")] = Path(),
    as_json: Json = False,
) -> None:
    """Draw pictures without a session. Prompts are used verbatim, as in the stock diffusers pipeline.

    --from reads the settings of a picture by notthat, AUTOMATIC1111's web UI, ComfyUI, SwarmUI, Fooocus, InvokeAI or
    NovelAI.

    Example:  notthat generate "portrait of a man" --negative "mustache, watermark" --seed 1 --count 4 --out pictures
    """
    from .console import draw_image, emit, progress
    from .generate import build_request, build_request_from_picture, generate_to_folder
    from .source_files import SourceFiles

    options: dict[str, Any] = {"seed": seed, "num_inference_steps": steps, "guidance_scale": guidance}
    options |= {"width": width, "height": height, **request_extras(method, lora, embedding, clip_skip)}
    source = SourceFiles.read(init_image, strength, mask)
    if from_ is not None and model is None and any((text_encoder, vae, quantize, offload)):
        raise InvalidInputError("--from: name the --model that --text-encoder, --vae, --quantize and --offload are for")
    model = name_model(model, text_encoder, vae, quantize, offload)
    if from_ is not None:
        options |= {"prompt": prompt, "negative_prompt": negative, "model": model}
        engine, request, remarks = build_request_from_picture(from_, options, load_settings(), source)
    elif prompt is None:
        raise InvalidInputError("give a PROMPT or --from PICTURE")
    else:
        engine, request, remarks = build_request(prompt, negative, options, load_settings(model), source)
    for line in [*remarks, *engine.warnings(request)]:
        _warn(line)
    with progress("drawing") as on_step:
        for drawn in generate_to_folder(engine, request, count, out, on_step):
            if as_json:
                emit(drawn.as_json())
            else:
                draw_image(drawn.image)
                typer.echo(drawn.path)


@app.command()
def tokens(
    text: Annotated[str, typer.Argument(help="A prompt, with weights such as (watermark:1.3).")],
    model: Model = None,
    text_encoder: TextEncoder = None,
    vae: Vae = None,
    as_json: Json = False,
) -> None:
    """Show how the model reads a prompt: weighted fragments, token count and unknown words.

    Example:  notthat tokens "portrait of a man, (watermark:1.3)"
    """
    from ....generation import LocalEngine
    from .console import emit

    settings = load_settings(name_model(model, text_encoder, vae, None, None))
    reading = LocalEngine.load(settings.find_model(settings.model)).tokenize(text)
    if as_json:
        emit({**asdict(reading), "fragments": [list(f) for f in reading.fragments], "unknown": list(reading.unknown)})
        return
    for fragment, weight in reading.fragments:
        typer.echo(f"{weight:6.3g}  {fragment}")
    typer.echo(f"{reading.tokens} tokens in {reading.chunks} chunk{'s' if reading.chunks > 1 else ''}")
    if reading.unknown:
        typer.echo(f"unknown: {', '.join(reading.unknown)}")


@app.command()
def models(as_json: Json = False) -> None:
    """List the available models: the built-in one, and those in NOTTHAT_HOME/models and in NOTTHAT_MODELS.

    Each with its family, how exclusions act on it, and the memory of its weights. Nothing is loaded.

    Example:  notthat models --json
    """
    from ....generation import list_library
    from .console import emit
    from .models import describe_model, model_to_json

    for model in list_library(load_settings().model_folders):
        if as_json:
            emit(model_to_json(model))
        else:
            typer.echo(describe_model(model))


def _fail(message: str, code: int) -> int:
    _warn(message)
    return code


def _warn(message: str) -> None:
    """Print one line on stderr, without control characters that a file or server may have put in it."""
    from ...terms import to_one_line

    typer.echo(f"notthat: {to_one_line(message)}", err=True)


def _turn_json(turn: "Turn") -> dict[str, Any]:
    from ...turn_serialization import turn_json

    return turn_json(turn)


def _print_turn(studio: "Studio", turn: "Turn", as_json: bool) -> None:
    from .console import emit, show_turn

    if as_json:
        emit(_turn_json(turn))
    else:
        show_turn(turn, studio.store.images.open(turn.sha256))


# Commands from other modules. Help lists them in this order, after those above.
app.command()(show.show)
app.command()(show.why)
app.command()(replay.replay)
app.command()(audit.audit)
app.command()(archive.export)
app.command("import")(archive.import_)
app.command()(serve.serve)
app.command()(mcp.mcp)
app.command()(report.report)
app.add_typer(sessions.app, name="sessions")
app.add_typer(keys.app, name="keys")
app.add_typer(database.app, name="db")
