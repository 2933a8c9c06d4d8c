"""The embedded interpreter, sentence by sentence, in the words people use."""

import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from notthat.agent.edits import Allow, Edit, Exclude, Reset, Reweight, SetPrompt, State, Undo, apply
from notthat.agent.exclusions import Exclusion, NegativePrompt, parse_negative
from notthat.agent.interpreters import OfflineInterpreter
from notthat.agent.interpreters.offline.acts import ACTS
from notthat.agent.interpreters.offline.grammar import grammar
from notthat.agent.interpreters.offline.template import Classes, Template, Words


def read(feedback: str, *, prompt: str = "portrait of a man", negative: str = "") -> tuple[Edit, ...]:
    """The edits the interpreter takes from the feedback."""
    state = State(prompt=prompt, negative=parse_negative(negative), seed=1)
    return OfflineInterpreter().interpret(feedback, state).edits


def brief(edits: tuple[Edit, ...], negative: str = "") -> str:
    """Edits in a line: `exclude hat; up blurry; prompt`."""
    state = parse_negative(negative)

    def one(edit: Edit) -> str:
        match edit:
            case Exclude() | Allow():
                return f"{edit.op} {edit.term}"
            case Reweight():
                known = state.find(edit.term)
                assert known is not None
                return f"{'up' if edit.weight > known.weight else 'down'} {edit.term}"
            case Undo():
                return f"undo {edit.turns}"
            case _:
                return edit.op

    return "; ".join(map(one, edits))


@pytest.mark.parametrize(
    ("feedback", "expected"),
    [
        # said outright
        ("no hats", "exclude hats"),
        ("No text!", "exclude text"),
        ("please remove the lamp", "exclude lamp"),
        ("can you take the umbrella out?", "exclude umbrella"),
        ("could we lose the scarf", "exclude scarf"),
        ("get rid of those power lines", "exclude power lines"),
        ("without the earrings please", "exclude earrings"),
        ("drop the background crowd", "exclude background crowd"),
        ("I don't want any clouds", "exclude clouds"),
        ("i do not want to see a beard", "exclude beard"),
        ("delete the red car on the right", "exclude red car"),
        ("there should be no birds in the sky", "exclude birds"),
        ("there shouldn't be any buildings", "exclude buildings"),
        ("he shouldn't be wearing a tie", "exclude tie"),
        ("he should not have a beard", "exclude beard"),
        ("it must not contain lettering", "exclude lettering"),
        ("leave out the candles", "exclude candles"),
        ("leave the candles out", "exclude candles"),
        ("keep the logo out of it", "exclude logo"),
        ("don't include people", "exclude people"),
        ("never show the price tag", "exclude price tag"),
        ("make it without the frame", "exclude frame"),
        ("avoid lens flare", "exclude lens flare"),
        ("less contrast", "exclude contrast"),
        ("fewer flowers", "exclude flowers"),
        ("stop adding freckles", "exclude freckles"),
        ("not a single cloud, please", "exclude clouds|exclude cloud"),
        ("shave off the beard", "exclude beard"),
        # as a complaint
        ("too dark", "exclude dark"),
        ("it's way too cartoonish", "exclude cartoon"),
        ("the picture is far too noisy", "exclude noisy"),
        ("her nose is too big", "exclude big nose"),
        ("too much contrast", "exclude contrast"),
        ("there are too many people", "exclude people"),
        ("a bit blurry", "exclude blurry"),
        ("kinda crooked", "exclude crooked"),
        ("this feels slightly overexposed", "exclude overexposed"),
        ("overly glossy for a documentary", "exclude glossy"),
        ("the colors are too garish for me", "exclude garish"),
        ("looks a little fake", "exclude fake"),
        ("the background is too busy", "exclude busy"),
        ("too dark and too gloomy", "exclude dark; exclude gloomy"),
        ("too stiff and posed", "exclude stiff; exclude posed"),
        ("it's blurry", "exclude blurry"),
        ("The result is washed out", "exclude washed out"),
        # roundabout
        ("looks like a cartoon", "exclude cartoon"),
        ("it looks more like a 3d render than a photo", "exclude 3d render"),
        ("This feels like a stock photo.", "exclude stock photo"),
        ("it looks like it was painted", "exclude painting"),
        ("the hands look weird", "exclude bad hands"),
        ("Her eyes are off", "exclude bad eyes"),
        ("what happened to his hands?", "exclude bad hands"),
        ("he has six fingers", "exclude extra fingers"),
        ("why does he have three arms?", "exclude extra arms"),
        ("the lettering makes no sense", "exclude gibberish text"),
        ("the text is gibberish", "exclude gibberish text"),
        ("the top of his head is cut off", "exclude cropped"),
        ("not bright enough", "exclude dark"),
        ("the photo isn't sharp enough", "exclude blurry"),
        ("the hat has to go", "exclude hat"),
        ("that lamp is distracting", "exclude lamp"),
        ("The scarf ruins it", "exclude scarf"),
        ("I hate that wallpaper", "exclude wallpaper"),
        ("I'm not a fan of the frame", "exclude frame"),
        ("fed up with these shadows", "exclude shadows"),
        ("I could do without the fog", "exclude fog"),
        ("it would look better without the fence", "exclude fence"),
        ("I'd rather not see any cables", "exclude cables"),
        ("why is there a cat on the table?", "exclude cat"),
        ("What is that cable doing in the picture?", "exclude cable"),
        ("what's with the balloons?", "exclude balloons"),
        ("who put a bucket there?", "exclude bucket"),
        # only named, pointed at or asked about
        ("All I see is a lamppost", "exclude lamppost"),
        ("The first thing anybody sees is that crane on the roof", "exclude crane"),
        ("who's that bloke at the counter??", "exclude bloke"),
        ("Whose boots are those by the door?", "exclude boots"),
        ("What are goats doing in our library?", "exclude goats"),
        ("Ew, is that a slug on the lettuce?", "exclude slug"),
        ("a second moon has crept in over the hill", "exclude second moon"),
        ("The ladder is still showing in this one", "exclude ladder"),
        ("One of the monks is holding a torch", "exclude torch"),
        ("Pity about the scaffolding in front of the gate", "exclude scaffolding"),
        ("I'd rather look at the harbour than at that parking lot", "exclude parking lot"),
        ("Did you really have to add a helicopter?", "exclude helicopter"),
        ("feels like every roof has a weathervane on it, enough already", "exclude weathervane"),
        ("You forgot to take out the ladder", "exclude ladder"),
        ("I asked for a photo and got a cartoon", "exclude cartoon"),
        ("My editor says no ribbon on the box", "exclude ribbon"),
        # what no thing does, and how many there are
        ("the sleeves all run into each other", "exclude bad sleeves"),
        ("Her left eye looks somewhere else", "exclude bad eye"),
        ("hut three has two chimneys", "exclude extra chimneys"),
        ("the stool only has two legs", "exclude missing legs"),
        ("seven fingers again, classic", "exclude extra fingers"),
        ("everyone has the same nose", "exclude same nose"),
        ("half those leaves are just green blobs", "exclude green blobs"),
        ("why's the top of her head cut off", "exclude cropped"),
        ("Ceiling's crooked", "exclude crooked ceiling"),
        ("the label is missing an E", "exclude misspelled text"),
        # where a thing's name ends, and a reason begins
        ("nobody ordered a windmill back there", "exclude windmill"),
        ("lose the bins out front", "exclude bins"),
        ("get rid of the fountain its overdone", "exclude fountain"),
        ("bruh why the helmet 💀 remove it", "exclude helmet"),
        ("too glossy, it looks cheap", "exclude glossy"),
        ("the glove's fingers don't match, one is green", "exclude bad fingers"),
        ("there's a line of odd lettering at the bottom", "exclude odd lettering"),
        ("there's dust on the lid and the chain is too thick", "exclude dust; exclude thick chain"),
        ("nobody asked for a cape", "exclude cape"),
        ("I never asked for a dog", "exclude dog"),
        ("the sticker doesn't belong there", "exclude sticker"),
        ("that wire shouldn't be there", "exclude wire"),
        ("do we really need the balloon?", "exclude balloon"),
        ("I wish the fence was gone", "exclude fence"),
        ("enough with the lens flare", "exclude lens flare"),
        ("there's a watermark in the corner", "exclude watermark"),
        ("one arm is missing", "exclude missing arms"),
        ("the face looks deformed", "exclude bad face"),
        ("why is everything so blurry?", "exclude blurry"),
        ("the skin looks plastic", "exclude plastic"),
        ("perfect except for the collar", "exclude collar"),
        ("the only problem is the chair", "exclude chair"),
        ("if only that pole wasn't there", "exclude pole"),
        ("the shadows fall in the wrong direction", "exclude bad shadows"),
        ("my eye keeps going to the lamp", "exclude lamp"),
        ("the whole thing has a green tint", "exclude green tint"),
        ("I keep staring at that lamp", "exclude lamp"),
        # several at once
        ("no cars and no people", "exclude cars; exclude people"),
        ("remove the hat and the scarf", "exclude hat; exclude scarf"),
        ("no frame, watermark or signature", "exclude frame; exclude watermark; exclude signature"),
        ("love the light, but lose the cables", "exclude cables"),
        ("great! and no watermark", "exclude watermark"),
        ("Nice. Too dark though.", "exclude dark"),
        ("keep the bench but remove the bin", "exclude bin"),
        ("too blurry, also get rid of the logo", "exclude blurry; exclude logo"),
        # in haste
        ("noooo hat plz", "exclude hat"),
        ("rm teh watermark pls", "exclude watermark"),
        ("w/o glasses thx", "exclude glasses"),
        ("2 many ppl", "exclude people"),
        ("its blury af", "exclude blurry"),
        ("wayyy too dark lol", "exclude dark"),
        ("ugh hands look wierd", "exclude bad hands"),
        ("logo gone pls", "exclude logo"),
        ("get rid of the bg ppl 😡", "exclude background people"),
        ("theres a spoon on the table, delete it plz", "exclude spoon"),
        ("dont want the clouds", "exclude clouds"),
        ("NO MORE BALLOONS!!!1", "exclude balloons"),
        ("remvoe the tie", "exclude tie"),
        # declined, or by a comparison
        ("glasses? no thanks", "exclude glasses"),
        ("that necklace, no", "exclude necklace"),
        ("his tattoo? nope!", "exclude tattoo"),
        ("it's giving AI", "exclude ai generated"),
        ("that's giving cartoon vibes", "exclude cartoon"),
        ("what if she didn't have a cane?", "exclude cane"),
        ("what if the cane wasn't there", "exclude cane"),
        ("a little less contrast", "exclude contrast"),
        ("a man without a cane would be better", "exclude cane"),
        ("exclude: fog, lamp posts", "exclude fog; exclude lamp posts"),
    ],
)
def test_excludes(feedback: str, expected: str) -> None:
    assert brief(read(feedback)) in expected.split("|")


@pytest.mark.parametrize(
    ("feedback", "expected"),
    [
        # what shares a predicate
        ("the collar and the bell have to go", "exclude bell; exclude collar"),
        ("the cables are awful and so is the lamp post", "exclude cables; exclude lamp post"),
        ("please, no collar, and no bell either", "exclude collar; exclude bell"),
        ("her bangles, lose them", "exclude bangles"),
        ("there is a cup on the shelf. remove it", "exclude cup"),
        ("wth is that blob, delete", "exclude blob"),
        # a negator where another verb would say the same
        ("the bell can't stay", "exclude bell"),
        ("the bell shouldn't be in the picture", "exclude bell"),
        ("can we not have the bell", "exclude bell"),
        ("stop drawing freckles", "exclude freckles"),
        ("no to the bell", "exclude bell"),
        ("not a sketch", "exclude sketch"),
        ("not so dark", "exclude dark"),
        ("the fence is not needed", "exclude fence"),
        # asked, and not to know
        ("could the freckles vanish?", "exclude freckles"),
        ("what's the bell for?", "exclude bell"),
        ("do we need the bell?", "exclude bell"),
        ("why so gloomy", "exclude gloomy"),
        ("who needs a jetty", "exclude jetty"),
        # by its signs
        ("I can count the pixels", "exclude pixelated"),
        ("you can't read the sign", "exclude gibberish text"),
        ("somebody signed it down there", "exclude signature"),
        ("the tail grows out of the ear", "exclude bad tail"),
        ("the chair seems to float", "exclude bad chair"),
        ("there is one leg too many", "exclude extra legs|exclude extra limbs"),
        ("where has its tail gone?", "exclude missing tails"),
        ("the pier isn't straight", "exclude crooked"),
        ("looks airbrushed", "exclude airbrushed"),
        ("her ears are enormous", "exclude enormous ears"),
        ("the labels are pure gibberish", "exclude gibberish text"),
        ("cables everywhere!", "exclude cables"),
        # with displeasure
        ("ugh, that vignette", "exclude vignette"),
        ("that roof 🤮", "exclude roof"),
        ("I hate that there is a crane up there", "exclude crane"),
        ("whoever added that sign here is silly", "exclude sign"),
        # in haste
        ("rmove teh colar", "exclude collar"),
        ("loose teh umbrela", "exclude umbrella"),
        ("its to dark", "exclude dark"),
        ("plz take of the hat", "exclude hat"),
        ("hands lookin weird", "exclude bad hands"),
        ("me no want the tree", "exclude tree"),
        ("less fog less rain", "exclude fog; exclude rain"),
        ("we'd rather not have the bell in there", "exclude bell"),
        ("our safety officer won't allow the ladder", "exclude ladder"),
        ("not so fond of the ribbon", "exclude ribbon"),
        ("decals off the wing, please", "exclude decals"),
        ("vikings never wore sunglasses", "exclude sunglasses"),
        ("zippers hadn't been invented yet", "exclude zippers"),
        ("whose bright idea was the balloon?", "exclude balloon"),
        ("you keep adding a lamp", "exclude lamp"),
        ("is that Latin or just gibberish?", "exclude gibberish text"),
        ("what does the sign even say?", "exclude gibberish text"),
        ("too orange everything", "exclude orange"),
        ("remvoe the hta on his head", "exclude hat"),
        ("count the legs", "exclude extra legs"),
        ("the lid is warped", "exclude warped lid"),
        ("the pose is a bit forced", "exclude forced pose"),
        ("isn't it a bit dark?", "exclude dark"),
        ("is it just me or is it grainy?", "exclude grainy|exclude noise"),
        ("anything but a sword", "exclude sword"),
        ("beardless", "exclude beard"),
        ("no bell (I can't stand them)", "exclude bell"),
        ("1. no bell 2. lose the ladder", "exclude bell; exclude ladder"),
        ("could the designer remove the ladder?", "exclude ladder"),
        ("it's overly symmetrical, feels fake", "exclude symmetrical"),
        ("I don't like the bell but it is a nice picture", "exclude bell"),
        ("why does her neck bend like that", "exclude bad neck"),
        ("that's not how ladders work", "exclude bad ladders"),
        ("hands look like they were drawn by a child", "exclude bad hands"),
        ("a little heavy on the makeup", "exclude makeup"),
    ],
)
def test_excludes_by_habit(feedback: str, expected: str) -> None:
    assert brief(read(feedback)) in expected.split("|")


@pytest.mark.parametrize(
    ("prompt", "negative", "feedback", "expected"),
    [
        # two wishes in one breath
        (
            "a kettle",
            "",
            "wipe the fingerprints off the lid and set it on a slate counter",
            "exclude fingerprints; prompt",
        ),
        ("a kettle", "", "take the price tag off its handle, then give it a cork lid", "exclude price tag; prompt"),
        ("a kettle", "", "minus the cups, plus a whisk", "exclude cups; prompt"),
        ("a kettle", "", "there's dust on the lid and the spout is too long", "exclude dust; exclude long spout"),
        ("a kettle", "", "no steam, thicker handles", "exclude steam; prompt"),
        ("a kettle", "", "I like the stove, the tiles not so much", "exclude tiles"),
        ("a kettle", "", "it looks lost there so add a toaster, and no crumbs", "exclude crumbs; prompt"),
        ("a juggler", "", "remove the fire and the top hat", "exclude fire; exclude top hat"),
        # what is out
        ("a bay", "gulls, text", "Gulls looked better. Restore them.", "allow gulls"),
        ("a bay", "gulls, text", "wait, it does have gulls, don't exclude them", "allow gulls"),
        ("a bay", "gulls, text", "gulls are back on the menu", "allow gulls"),
        ("a bay", "gulls, text", "I shouldn't have said no gulls, let them in", "allow gulls"),
        ("a bay", "gulls, text", "scrap the text rule, we need the name", "allow text"),
        ("a bay", "gulls, text", "gulls keep sneaking in", "up gulls"),
        ("a bay", "gulls, text", "yet another gull, I asked for none", "up gulls"),
        ("a bay", "gulls, dark", "even darker than before", "up dark"),
        ("a bay", "(gulls:1.5), text", "don't fight the gulls so hard", "down gulls"),
        ("a bay", "(gulls:1.5), text", "with the gulls exclusion that strong it looks dead, loosen it", "down gulls"),
        ("a bay", "gulls", "reset to no exclusions", "reset"),
        ("a bay", "gulls", "go back to the one before, please", "undo 1"),
        ("a bay", "gulls", "one more take of this", "reroll"),
        # a complaint, and no wish
        ("a bay", "", "a boat again, take it out", "exclude boat"),
        ("a bay", "", "I didn't ask for huts", "exclude huts"),
    ],
)
def test_hears_how_it_is_said(prompt: str, negative: str, feedback: str, expected: str) -> None:
    assert brief(read(feedback, prompt=prompt, negative=negative), negative) == expected


@pytest.mark.parametrize(
    ("prompt", "feedback", "text"),
    [
        # corrections
        ("heron wearing boots", "that's no heron, I wanted a stork", "a stork wearing boots"),
        ("roof of copper", "Not copper: slate.", "roof of slate"),
        ("tent in the desert", "desert no good. meadow please", "tent in the meadow"),
        ("a jetty at noon", "noon is wrong, make it dusk", "a jetty at dusk"),
        ("a nurse reading in a tram", "she should be singing, not reading", "a nurse singing in a tram"),
        # what was missed
        ("a stall", "there's no awning, could you put a striped one in", "a stall, a striped awning"),
        ("a stall", "I don't see any pears. Add a few", "a stall, pears"),
        ("a stall", "you can't have a stall without any crates", "a stall, crates"),
        # of another sort
        ("girl with red hair", "black hair plz", "girl with black hair"),
        ("a bun with vanilla icing", "I'd rather have mocha icing", "a bun with mocha icing"),
        ("badge, square", "try a round one", "badge, round"),
        ("a dresser with two drawers", "please the dresser with four drawers", "a dresser with four drawers"),
        ("a villa, daytime", "a night-time version with lit windows", "a villa, night-time, with lit windows"),
        ("a boy on a pier", "he should be about eighty years old", "an eighty-year-old man on a pier"),
        ("clogs on a white rug", "give the rug a soft peach tone", "clogs on a soft peach rug"),
        ("a lady, profile", "turn her to face the camera", "a lady, facing the camera"),
        ("an airship", "draw it in the style of a blueprint", "an airship, in the style of a blueprint"),
        ("an airship", "can we go sepia with this", "an airship, sepia"),
        ("an airship", "a bit of moss wouldn't hurt", "an airship, moss"),
        ("an airship", "dramatic side lighting would sell it", "an airship, dramatic side lighting"),
        ("an airship", "put a goose beside it", "an airship, a goose beside it"),
    ],
)
def test_hears_what_it_should_be(prompt: str, feedback: str, text: str) -> None:
    assert read(feedback, prompt=prompt) == (SetPrompt(text=text),)


@pytest.mark.parametrize(
    ("prompt", "feedback", "text", "terms"),
    [
        ("", "Good evening, I'd like to see a weir, no boats", "a weir", ["boats"]),
        ("", "I'm looking for a sketch of a mole but no glasses", "a sketch of a mole", ["glasses"]),
        ("", "judge on a bus, wig-free", "judge on a bus", ["wig"]),
        ("", "sugar-free cola can", "sugar-free cola can", []),
        ("", "a burger, hold the onions", "a burger", ["onions"]),
        ("", "a cake, but please leave the candles off", "a cake", ["candles"]),
        ("", "a bench, with no one sitting on it", "a bench", ["people"]),
        ("", "an astronaut in zero gravity", "an astronaut in zero gravity", []),
        ("a shoe", "next pic: a choir of newts, none of them with hats", "a choir of newts", ["hats"]),
        ("a knitted owl", "scratch the owl, do a tin crane without wheels", "a tin crane", ["wheels"]),
    ],
)
def test_hears_how_a_description_opens_and_denies(prompt: str, feedback: str, text: str, terms: list[str]) -> None:
    edits = read(feedback, prompt=prompt)
    assert [edit.text for edit in edits if isinstance(edit, SetPrompt)] == [text]
    assert [edit.term for edit in edits if isinstance(edit, Exclude)] == terms


@pytest.mark.parametrize(
    "feedback",
    [
        "nah it's good, ship it",
        "why did you leave the fog out?",
        "can I get this framed?",
        "why are these models so bad at reflections?",
        "looks just like the one my uncle had",
        "the client signed off on it",
        "it doesn't look too dark to me, my boss is wrong",
        "not a bad start!",
        "brb getting tea",
        "go on, I'm listening",
        "do owls swim?",
        "as if by magic!",
        "the printer at work is broken lol",
    ],
)
def test_hears_talk(feedback: str) -> None:
    assert read(feedback, prompt="harbour at night", negative="fog") == ()


@pytest.mark.parametrize(
    "feedback",
    [
        "nobody said the bell should leave",
        "I'm not asking you to remove the bell",
        "why would I want to remove the chair?",
        "no way I'd give up that bell",
        "nobody could tell this is AI",
        "it isn't blurry, my screen is dirty",
        "not in a bad way, in the best way",
        "no scarf looks just right",
        "I never get tired of this",
        "there's no such thing as too many trees",
        "reminds me of my old school",
        "I'd hang this in my kitchen",
        "can't find anything wrong with it",
        "don't worry, the sky is fine",
        "I can't see a single flaw",
        "give me a moment",
        "remind me, what did I exclude?",
        "let me ask my sister and get back to you",
        "remove everything except the bell",
        "nothing but the bell",
        "I don't see any difference",
        "I love the colours, the light and the mood.",
        "whoever says it's too plain has no idea",
        "isn't she lovely?",
        "not a fan of bells, but this is cute",
        "I thought I'd hate the bell but I don't",
        "give me five minutes",
        "this needs no explanation",
        "almost too pretty to print",
        "I'd rather keep the bell",
        "is it too dark?",
    ],
)
def test_only_sounds_like_a_request(feedback: str) -> None:
    assert read(feedback) == ()


@pytest.mark.parametrize(
    "feedback",
    [
        "don't remove the hat",
        "please do not take the glasses off",
        "no need to change anything",
        "no problem at all",
        "no complaints here",
        "All I see is a masterpiece",
        "who is the man in the picture?",
        "thumbs up",
        "fingers crossed",
        "her eyes sparkle, love it",
        "My wife says it's lovely",
        "The sign says exactly what I wanted",
        "the fog blends nicely with the hills",
        "that's a lot of fun",
        "It came out just as I wanted",
        "the bot has three modes",
        "i have two questions",
        "The client signed it off, cheers!",
        "no way, this is gorgeous",
        "not bad!",
        "not a single flaw",
        "don't make it any darker",
        "it would be nothing without the hat",
        "not bad at all",
        "it's not too dark",
        "not too blurry at all, nice",
        "I wouldn't remove anything",
        "don't lose the dog",
        "it wouldn't be the same without the moon",
        "not without my hat",
        "keep the umbrella",
        "leave the lamp as it is",
        "the dog stays",
        "no notes, perfect",
        "the watermark is gone, thanks",
        "nothing to complain about",
        "he has his collar up, perfect",
        "a gull is sitting on the rail, lovely",
        "I can't complain",
        "never mind",
        "couldn't be better",
        "you can't have too many flowers",
        "no doubt the best one yet",
        "without a doubt your best work",
        "no thanks",
        "nice",
        "perfect, thank you!",
        "wow that's stunning",
        "I love the colours",
        "hello",
        "hey there, how are you?",
        "what model is this?",
        "which words are excluded?",
        "what's in the negative prompt?",
        "how many turns did we have?",
        "is that a dog or a wolf?",
        "can you explain how this works?",
        "does the weight matter?",
        "cool cool cool 😎",
        "lol no thats perfect",
        "better? no",
        "the light, no doubt",
        "nice, no?",
        "a dog in the corner",
        "a masterpiece",
        "ty!!",
        "haha",
        "the light is beautiful",
        "this is exactly what I wanted",
        "much better",
        "good job",
        "",
        "   ",
        "???",
        "👍",
    ],
)
def test_changes_nothing(feedback: str) -> None:
    assert read(feedback) == ()


@pytest.mark.parametrize(
    ("negative", "feedback", "expected"),
    [
        ("hat, text", "bring the hat back", "allow hat"),
        ("hat, text", "bring it back", "allow text"),
        ("hat, text", "hats are ok again", "allow hat"),
        ("hat, text", "the hat can come back", "allow hat"),
        ("fog, (blurry:1.3)", "allow fog again", "allow fog"),
        ("fog, (blurry:1.3)", "you don't have to avoid fog anymore", "allow fog"),
        ("fog", "don't exclude fog any more", "allow fog"),
        ("fog", "I changed my mind about the fog", "allow fog"),
        ("fog", "actually I miss the fog", "allow fog"),
        ("fog", "I don't mind the fog after all", "allow fog"),
        ("fog", "take fog off the list", "allow fog"),
        ("fog, birds", "lift the ban on birds", "allow birds"),
        ("fog, birds", "remove birds from the negative prompt", "allow birds"),
        ("fog, birds", "I want the birds back", "allow birds"),
        ("fog, birds", "you can show birds again", "allow birds"),
        ("mustache", "the moustache may stay", "allow mustache"),
        ("mustache", "give him his moustache back", "allow mustache"),
        ("beard, hat", "restore the beard and drop the earring", "allow beard; exclude earring"),
        ("blurry", "still blurry", "up blurry"),
        ("blurry", "it's still too blurry", "up blurry"),
        ("noise", "still so noisy", "up noise"),
        ("mustache", "moustache is back", "up mustache"),
        ("mustache", "the mustache again!", "up mustache"),
        ("(watermark:1.2)", "I can still see the watermark", "up watermark"),
        ("watermark", "the watermark keeps coming back", "up watermark"),
        ("watermark", "the watermark won't go away", "up watermark"),
        ("watermark", "no watermark", "up watermark"),
        ("watermark, hat", "more weight on watermark", "up watermark"),
        ("watermark, hat", "push the hat harder", "up hat"),
        ("hat, watermark", "it's still there", "up watermark"),
        ("blurry", "not sharp enough", "up blurry"),
        ("(blurry:1.5)", "ease off blurry", "down blurry"),
        ("(blurry:1.5), hat", "less weight on blurry", "down blurry"),
        ("(glow:1.5)", "the exclusion of glow is too strong", "down glow"),
        ("(glow:1.5)", "don't be so strict about the glow", "down glow"),
        ("(glow:1.5)", "you overdid it with the glow", "down glow"),
        ("(glow:1.5)", "go easier on the glow", "down glow"),
        ("glow", "what does glow weigh?", ""),
        ("(glow:1.5)", "you removed too much glow", "down glow"),
        ("(glow:1.5)", "glow could be penalised a little less", "down glow"),
        ("(glow:1.5)", "halve your anti-glow thing, it looks dead", "down glow"),
        ("glow", "glow penalty up", "up glow"),
        ("glow", "the glow hasn't budged", "up glow"),
        ("glow", "why is the glow back?", "up glow"),
        ("glow", "you keep giving me glow", "up glow"),
        ("glow, hat", "no longer bothered by the glow", "allow glow"),
        ("glow, hat", "what happened to the glow? I'd like it back", "allow glow"),
        ("glow", "start from scratch with nothing excluded", "reset"),
        ("glow", "set glow to 1.5", "up glow"),
        ("steam", "steam is no longer banned", "allow steam"),
        ("steam", "let the steam be", "allow steam"),
        ("steam", "I said no steam!", "up steam"),
        ("(steam:1.6)", "turn the steam weight down", "down steam"),
        ("(steam:1.6)", "go softer on the steam, the room looks dead now", "down steam"),
        ("fog, hat", "both the fog and the hat can come back", "allow hat; allow fog"),
        ("fog, hat", "allow both again", "allow fog; allow hat"),
        ("fog, hat", "the fog? okay, let it back in", "allow fog"),
        ("fog, hat", "fog ok. the hat is okay as well.", "allow fog; allow hat"),
        ("fog, hat", "we're permitting fog again", "allow fog"),
        ("fog, hat", "revoke the fog ban", "allow fog"),
        ("fog, hat", "no longer exclude fog", "allow fog"),
        ("fog, hat", "there is no need to keep the fog out", "allow fog"),
        ("fog, hat", "it feels empty without the hat, bring it back", "allow hat"),
        ("fog, hat", "why no fog? it's called foggy lane", "allow fog"),
        ("fog, hat", "please don't allow the fog again", ""),
        ("fog, hat", "fog must stay away", ""),
        ("fog, hat", "fog's here again, be stricter", "up fog"),
        ("fog, hat", "fog. again.", "up fog"),
        ("fog, hat", "how is there still fog", "up fog"),
        ("fog, hat", "foggier than before!", "up fog"),
        ("(fog:1.5), hat", "a little fog would be fine", "down fog"),
        ("(fog:1.5), hat", "don't push so hard against the fog", "down fog"),
        ("hat", "take me back two versions", "undo 2"),
        ("hat", "I want to start fresh", "reset"),
        ("hat", "deal me another one", "reroll"),
        ("hat", "show me something else with the same prompt", "reroll"),
        ("hat", "undo", "undo 1"),
        ("hat", "go back one step", "undo 1"),
        ("hat", "undo the last three", "undo 3"),
        ("hat", "undo two turns plz", "undo 2"),
        ("hat", "go back two steps", "undo 2"),
        ("hat", "revert that", "undo 1"),
        ("hat", "the previous one was better", "undo 1"),
        ("hat", "start over", "reset"),
        ("hat", "clear all exclusions", "reset"),
        ("hat", "forget everything I excluded", "reset"),
        ("hat", "let's start from scratch", "reset"),
        ("hat", "another one", "reroll"),
        ("hat", "give me another version", "reroll"),
        ("hat", "reroll please", "reroll"),
        ("hat", "different seed", "reroll"),
        ("hat", "one more try", "reroll"),
        ("hat", "clear everything, bring the hat back", "reset"),
        ("hat", "no scarf, actually start over", "reset"),
        ("hat", "can you try again?", "reroll"),
        ("hat", "same prompt, new seed", "reroll"),
    ],
)
def test_reads_the_state(negative: str, feedback: str, expected: str) -> None:
    assert brief(read(feedback, negative=negative), negative) == expected


@pytest.mark.parametrize(
    ("feedback", "expected"),
    [
        # what was only seen badly is no complaint of it
        ("too dark, can't see his face", "exclude dark"),
        ("can't see the man for all the fog", "exclude fog"),
        ("can't see any flaws", ""),
        ("I can't see his face", "prompt"),
        # denied, or praise that sounds like a complaint
        ("it's not that the sky is too bright, it's perfect", ""),
        ("can't get enough of that blue", ""),
        ("i would never have thought of basil, great", ""),
        ("her eyes look like stars, lovely", ""),
        ("her smile reminds me of the Mona Lisa", ""),
        ("usually I hate neon but here it works", ""),
        ("nobody in town does it better", ""),
        # tags
        ("the hat is a bit too big, no?", "exclude big hat"),
        ("waves a bit too high, right?", "exclude high waves"),
        ("looks great, no?", ""),
        ("a boat, no?", ""),
        # how it is hated
        ("I hate how dark it is", "exclude dark"),
        ("I hate how many boats there are", "exclude boats"),
        ("i hate how there's a spoon in it", "exclude spoon"),
        ("i hate the way the light flickers", ""),
        ("I hate how good this is", ""),
        # how it never was
        ("we never put pineapple on ours", "exclude pineapple"),
        ("he'd never have worn medals", "exclude medals"),
        ("he would never have looked this good", ""),
        ("nobody in wheelchairs", "exclude wheelchairs"),
        ("nobody in the background", "exclude people"),
        # what a thing is like
        ("her ear looks like a seashell", "exclude bad ear"),
        ("the oar looks like a noodle", "exclude bad oar"),
        ("the dog looks like a wolf", "exclude wolf"),
        ("looks like it was taken with a webcam", "exclude low quality"),
        ("the window is reflecting way too much", ""),
        ("two problems: the ladder, and the faces are mush", "exclude ladder; exclude bad faces"),
        ("two things: no bins", "exclude bins"),
        ("dont want smok", "exclude smoke"),
        ("so many birds!", "exclude birds"),
        ("so many birds, lovely", ""),
        ("legal says no logos", "exclude logos"),
        ("my boss will kill me if there's a logo", "exclude logo"),
        ("is the sky supposed to be that purple?", "exclude purple sky"),
        ("is the sky supposed to be lit from below?", ""),
        ("the glov is to big", "exclude big glove"),
    ],
)
def test_hears_what_is_meant(feedback: str, expected: str) -> None:
    assert brief(read(feedback)) == expected


@pytest.mark.parametrize(
    ("prompt", "feedback", "rewritten"),
    [
        ("scarf with a tartan pattern", "try houndstooth", "scarf with a houndstooth pattern"),
        ("oak table", "walnut would be better", "walnut table"),
        ("beach at noon", "what about dusk?", "beach at dusk"),
        ("oil painting of a plum", "let's go for gouache", "gouache of a plum"),
        ("one goat on a hill", "two goats would be funnier", "two goats on a hill"),
        ("one goat on a hill", "make it two goats", "two goats on a hill"),
        ("girl with a red balloon", "balloon should be yellow instead", "girl with a yellow balloon"),
        ("red car by a house", "car should be matte black", "matte black car by a house"),
        ("red car by a house", "the car in green would be nicer", "green car by a house"),
        ("red car by a house", "how would it look in green?", "green car by a house"),
        (
            "skate park at noon",
            "how would this look at midnight with floodlights?",
            "skate park at midnight, with floodlights",
        ),
        ("fox in the snow", "forget the fox, I want a bear", "a bear in the snow"),
        ("fox in the snow", "forget the fox, give me an old tram in Porto", "an old tram in Porto"),
        ("a park", "her hair is shorter in real life", "a park, shorter hair"),
        ("a park", "wasn't there supposed to be a pond?", "a park, a pond"),
        ("a park", "the cake is missing candles", "a park, candles"),
    ],
)
def test_another_takes_its_place(prompt: str, feedback: str, rewritten: str) -> None:
    assert read(feedback, prompt=prompt) == (SetPrompt(text=rewritten),)


@pytest.mark.parametrize(
    ("negative", "feedback", "expected"),
    [
        ("fog", "fog doesn't need to be excluded anymore", "allow fog"),
        ("fog", "client wants the fog back", "allow fog"),
        ("hat", "client wants the fog back", ""),
        ("(fog:1.4)", "dial back the fog exclusion, looks abandoned now", "down fog"),
        ("(fog:1.4)", "the 'fog' one is overcooked. lower it", "down fog"),
        ("(fog:1.4)", "the fog ban is a bit much", "down fog"),
        ("fog", "is that fog I see?", "up fog"),
        ("hat", "is that fog I see? adorable", ""),
        ("hat", "oops i didn't mean that, cancel it", "undo 1"),
        ("hat", "the version before was better, take me back to it", "undo 1"),
    ],
)
def test_hears_what_is_meant_of_the_state(negative: str, feedback: str, expected: str) -> None:
    assert brief(read(feedback, negative=negative), negative) == expected


@pytest.mark.parametrize(
    ("prompt", "feedback", "must", "must_not"),
    [
        ("portrait of a man in a garden", "make her a queen", "queen garden", "man make"),
        ("portrait of a man in a garden", "make it an old woman", "old woman garden", "man"),
        ("photo of a red car", "make it blue", "blue car", "red"),
        ("photo of a car", "make it green please", "green car", "please"),
        ("portrait of a man", "make it a woman with a hat", "woman hat", "man it"),
        ("portrait of a man", "make it a cat on a beach", "cat beach", "man"),
        ("a red car", "make it blue with white stripes", "blue car white stripes", "red"),
        ("a dog on a sofa", "add a red ball", "dog ball", "add"),
        ("a dog on a sofa", "could you add a red ball to it?", "dog ball", "add could it"),
        ("a dog on a sofa", "no, a cat", "cat sofa", "dog"),
        ("a dog on a sofa", "I meant a cat", "cat sofa", "dog meant"),
        ("a dog on a sofa", "a cat instead of a dog", "cat sofa", "dog instead"),
        ("a dog on a sofa", "swap the dog for a cat", "cat sofa", "dog swap"),
        ("a dog on a sofa", "replace the sofa with a bench", "dog bench", "sofa replace"),
        ("a dog on a sofa", "turn the dog into a fox", "fox sofa", "dog turn"),
        ("a dog in a park", "put it on a beach", "dog beach", "put park"),
        ("a dog", "give him a scarf", "dog scarf", "give"),
        ("a dog", "make the background yellow", "dog yellow background", "make"),
        ("a woman with a blue dress", "make the dress red", "woman red dress", "blue"),
        ("a woman with a blue dress", "the dress should be red", "woman red dress", "blue should"),
        ("village in winter", "switch the season to summer", "village summer", "winter season"),
        ("village in winter", "make it summer", "village summer", "winter"),
        ("a dog on a sofa", "not a dog, a cat", "cat sofa", "dog"),
        ("a dog on a sofa", "I want a cat instead", "cat sofa", "dog want instead"),
        ("village in winter", "could it be spring?", "village spring", "winter could"),
        ("a dog", "in watercolor style", "dog watercolor", ""),
        ("photo of a dog", "as an oil painting", "dog oil painting", "photo"),
        ("a dog", "at night", "dog night", ""),
        ("a dog", "I want it to be snowing", "dog snowing", "want"),
        ("a dog", "make him smile", "dog smiling", "make"),
        ("a dog", "zoom out", "dog wide", "zoom"),
        ("a house by a lake", "there is no boat. add one", "house boat", "add no"),
        ("a house by a lake", "more trees", "house trees", ""),
        ("a house by a lake", "it needs a chimney", "house chimney", "needs"),
        ("a dog", "turn the bg black plz", "dog black background", "bg plz turn"),
        ("a dog", "I'd like a red collar on it", "dog red collar", "like"),
        ("a dog", "set it in Tokyo", "dog Tokyo", "set"),
        ("a dog", "add a ball and a bone", "dog ball bone", "add"),
        ("a dog on a sofa", "what if the dog wore a raincoat?", "dog sofa wearing raincoat", "what if wore"),
        ("a dog on a sofa", "what if it was a fox?", "fox sofa", "dog what if was"),
        ("a dog on a sofa", "what if there were candles", "dog sofa candles", "what there were"),
        ("a dog on a sofa", "what if you made the sofa green?", "dog green sofa", "what made"),
        ("a dog on a sofa", "background: a snowy mountain", "dog sofa snowy mountain background", ""),
        ("a dog on a sofa", "what if it had wings and a halo?", "dog sofa with wings halo", "what had"),
        ("a dog on a sofa", "weather: snow, time: dusk", "dog on a sofa snow dusk", "weather time"),
        ("a dog on a sofa", "style: woodcut", "dog sofa woodcut", "style"),
        ("a white windmill on a hill", "I want a blue windmill", "blue windmill hill", "white want"),
        ("a white windmill on a hill", "give me a blue windmill", "blue windmill hill", "white give"),
        ("a white windmill on a hill", "a blue windmill", "blue windmill hill", "white"),
        ("a white windmill on a hill", "add a blue windmill", "white blue windmill hill", "add"),
        ("a white windmill on a hill", "I want a windmill with a red door", "white windmill hill red door", "want"),
        ("a dog on a sofa", "an owl with a monocle", "owl monocle", "dog sofa"),
        ("a dog on a sofa", "a dog wearing a kimono, please", "dog kimono", "sofa please"),
        ("a dog on a sofa", "portrait of an old sailor", "portrait old sailor", "dog sofa"),
        ("a dog on a sofa", "I was hoping for a fox", "fox sofa", "dog hoping"),
        ("a dog on a sofa", "that's a dog. I said a fox", "fox sofa", "dog said"),
        ("a dog on a sofa", "rather a bench than a sofa", "dog bench", "sofa rather"),
        ("a dog on a sofa", "take it to a wooden table", "dog wooden table", "sofa take"),
        ("a dog on a sofa", "it'd be nicer in the rain", "dog sofa rain", "nicer"),
        ("a dog on a sofa", "pull back until we can see the garden", "dog sofa wide garden", "we until pull"),
        ("a dog on a sofa", "keep everything but make the sofa green", "dog green sofa", "keep make"),
        ("a dog on a sofa", "do it in charcoal", "dog sofa charcoal", "do"),
        ("a dog on a sofa", "picture it as a comic", "dog sofa comic", "picture"),
        ("a dog on a sofa", "no ball? it needs a ball!", "dog sofa ball", "no needs"),
        ("a dog on a sofa", "you forgot the ball", "dog sofa ball", "forgot"),
        ("a dog on a sofa", "there's no bone in its mouth, it should have one", "dog sofa bone mouth", "no should"),
        ("a dog on a sofa", "the collar should be wider and made of leather", "wider collar leather", "should and"),
        ("a dog on a sofa", "a cushion would suit it", "dog sofa cushion", "suit would"),
        ("a dog on a sofa", "can it be holding a stick", "dog sofa holding stick", "can it"),
        ("a dog on a sofa", "plain background please", "dog sofa plain background", "please"),
        ("a dog on a sofa", "more blur in the background", "dog sofa more blur", "please"),
        ("a dog on a sofa", "blur the background", "dog sofa blurred background", "blur"),
        ("a dog on a sofa", "cat, not dog", "cat sofa", "dog not"),
        ("a dog on a sofa", "dog -> cat", "cat sofa", "dog"),
        ("a dog on a sofa", "could the light be softer", "dog sofa softer light", "could"),
        ("a dog on a sofa", "the dog is supposed to be asleep", "dog sofa asleep", "supposed"),
        ("a loft, rustic", "what about art nouveau", "loft art nouveau", "what about"),
        ("a loft, rustic", "make it industrial", "loft industrial", "rustic make"),
        ("picture", "make it a lighthouse", "lighthouse", "picture"),
        ("picture", "a lighthouse", "lighthouse", "picture"),
        ("a dog in a park", "New idea: put the dog on a skateboard", "dog skateboard park", "idea put"),
    ],
)
def test_rewrites_the_prompt(prompt: str, feedback: str, must: str, must_not: str) -> None:
    edits = read(feedback, prompt=prompt)
    assert [edit.op for edit in edits] == ["prompt"]
    assert isinstance(edits[0], SetPrompt)
    words = re.findall(r"[\w-]+", edits[0].text)
    assert set(must.split()) <= set(words)
    assert not set(must_not.split()) & set(words)


@pytest.mark.parametrize(
    ("prompt", "feedback", "text", "terms"),
    [
        ("", "portrait of a man without mustache", "portrait of a man", ["mustache"]),
        ("", "a red barn", "a red barn", []),
        ("", "a beach at sunset, no people", "a beach at sunset", ["people"]),
        ("", "a chair without cushions in a white room", "a chair in a white room", ["cushions"]),
        ("", "city street, no cars or people", "city street", ["cars", "people"]),
        ("", "city street, no cars, no people", "city street", ["cars", "people"]),
        ("", "a wine bottle, no text on the label", "a wine bottle", ["text"]),
        ("", "product shot of a mug with no handle", "product shot of a mug", ["handle"]),
        ("", "a knight, not a cartoon, in the rain", "a knight, in the rain", ["cartoon"]),
        ("", "a sign saying no dogs", "a sign saying no dogs", []),
        ("", "No people. A quiet harbour at dawn.", "A quiet harbour at dawn", ["people"]),
        ("", "draw me a cat without whiskers", "a cat", ["whiskers"]),
        ("", "forest without any fog, but with deer", "forest, but with deer", ["fog"]),
        ("a dog", "next: a teapot with no lid", "a teapot", ["lid"]),
        ("a dog", "new prompt: a teapot", "a teapot", []),
        ("a dog", "something else: a teapot without steam", "a teapot", ["steam"]),
        ("a dog", "now draw a teapot", "a teapot", []),
        ("", "a bay — no boats — at dawn", "a bay — at dawn", ["boats"]),
        ("", "Old pier. Fog. No gulls. 35mm", "Old pier. Fog. 35mm", ["gulls"]),
        ("", "shelf w/ books, w/o dust", "shelf with books", ["dust"]),
        ("", "an alley without cars, bins, or wires, at night", "an alley, at night", ["cars", "bins", "wires"]),
        ("", "a mug, nothing else", "a mug", []),
        ("", "a nun without a veil, a book or a rosary", "a nun", ["veil", "book", "rosary"]),
        ("a dog", "a surfer in Bora Bora 🏄", "a surfer in Bora Bora 🏄", []),
        ("a dog", "next: a tuk tuk 🛺 in Ur, no driver", "a tuk tuk 🛺 in Ur", ["driver"]),
        ("", "a loft; there must be no phones", "a loft", ["phones"]),
        ("", "a loft, exclude people and snow", "a loft", ["people", "snow"]),
        ("", "the man without a hat", "the man", ["hat"]),
        ("", "portrait of a man that is not blurry", "portrait of a man", ["blurry"]),
        ("a dog", "castle without people", "castle", ["people"]),
        # said of a picture that is there already
        ("picture", "portrait of a nun without glasses", "portrait of a nun", ["glasses"]),
        ("picture", "a pirate without a parrot", "a pirate", ["parrot"]),
        ("picture", "make it a pirate without a parrot", "a pirate", ["parrot"]),
        ("a dog", "A castle 🏰 on a cliff, no flags", "A castle 🏰 on a cliff", ["flags"]),
        ("a dog", "photo of a tram w/o passengers", "photo of a tram", ["passengers"]),
        ("a dog on a sofa", "a cat, no dog", "a cat on a sofa", ["dog"]),
        ("a dog on a sofa", "no dog, a cat", "a cat on a sofa", ["dog"]),
        ("a nun with glasses", "a nun without glasses", "a nun", ["glasses"]),
    ],
)
def test_moves_negations_out_of_a_description(prompt: str, feedback: str, text: str, terms: list[str]) -> None:
    edits = read(feedback, prompt=prompt)
    assert [edit.text for edit in edits if isinstance(edit, SetPrompt)] == [text]
    assert [edit.term for edit in edits if isinstance(edit, Exclude)] == terms


@pytest.mark.parametrize(
    "prompt",
    [
        "a hula dancer in Pago Pago",
        "a tuk tuk in the rain",
        "the letters r and u, ur-script",
        "V2 rocket, U2 plane",
        "A Café ☕ at dusk 👩‍🚀!",
        "a cat :) on a mat",
        "Mr. T at No. 5",
        "a never ending staircase",
        "girl with never-ending braids",
        "a never-before-seen orchid",
        "a comet never seen before",
        "a clown who never laughs",
        "nothing but sand",
        "no man's land",
        "a no-entry sign",
        "a no swimming sign on a pier",
        "Nowhere, Nebraska",
        "an empty plain except for one tree",
        "Imagine Dragons on stage",
        "Paint splatter",
        "forget-me-nots, macro",
        "(a cat:1.3), [blur]",
        "wat pho, teh tarik",
    ],
)
def test_a_description_keeps_its_own_words(prompt: str) -> None:
    assert read(prompt, prompt="") == (SetPrompt(text=prompt),)
    assert read(f"Next: {prompt}", prompt="a dog") == (SetPrompt(text=prompt),)


def test_a_description_has_straight_quotes_and_single_spaces() -> None:
    assert read("it’s\u00a0a “quoted”  \u200bsign\n", prompt="") == (SetPrompt(text='it\'s a "quoted" sign'),)


@pytest.mark.parametrize(
    ("prompt", "feedback", "terms"),
    [
        ("portrait of a man in a garden", "portrait of a man without mustache", ["mustache"]),
        ("portrait of a man in a garden", "a version without the hedge", ["hedge"]),
        ("picture", "a picture with no text", ["text"]),
        ("picture", "no mustache", ["mustache"]),
        ("picture", "too cartoonish", ["cartoon"]),
        ("picture", "remove the hat", ["hat"]),
        ("picture", "still blurry", ["blurry"]),
        ("picture", "no hat or a beard", ["hat", "beard"]),
        ("picture", "a man with six fingers", ["extra fingers"]),
    ],
)
def test_an_exclusion_that_leaves_the_prompt_alone(prompt: str, feedback: str, terms: list[str]) -> None:
    assert read(feedback, prompt=prompt) == tuple(Exclude(term=term) for term in terms)


def test_still_there_raises_the_weight_without_a_known_prompt() -> None:
    assert read("still blurry", prompt="picture", negative="blurry") == (Reweight(term="blurry", weight=1.2),)
    assert read("undo", prompt="picture") == (Undo(turns=1),)


@pytest.mark.parametrize("feedback", ["start over, no hat", "Start over. No hat!", "start over with no hat"])
def test_what_follows_a_reset_finds_nothing_excluded(feedback: str) -> None:
    assert read(feedback, negative="(hat:1.4), fog") == (Reset(), Exclude(term="hat"))


def test_a_new_scene_leaves_out_no_harder_what_is_out_already() -> None:
    edits = (Exclude(term="hat"), SetPrompt(text="a wizard in a tower"))
    assert read("next: a wizard in a tower, no hat", negative="hat") == edits
    assert read("a wizard in a tower, no hat", negative="hat") == edits
    assert read("a man without a hat", negative="hat") == (Reweight(term="hat", weight=1.2),)


def test_none_of_one_thing_but_another_instead() -> None:
    edits = (Exclude(term="beard"), SetPrompt(text="portrait of a man, a goatee"))
    assert read("no beard, a goatee") == read("no beard but a goatee") == edits
    assert read("no beard or a goatee") == (Exclude(term="beard"), Exclude(term="goatee"))


def test_a_reset_leaves_a_policy_its_exclusions() -> None:
    policy = Exclusion(term="logo", source="policy:brand", since=0, words="")
    state = State("a mug", NegativePrompt((policy,)), 1)
    assert OfflineInterpreter().interpret("start over, no logo", state).edits == (
        Reset(),
        Reweight(term="logo", weight=1.2),
    )


def test_asking_for_what_is_excluded_allows_it() -> None:
    edits = read("add a hat", negative="hat, text")
    assert [edit.op for edit in edits] == ["allow", "prompt"]


def test_both_an_exclusion_and_a_wish() -> None:
    edits = read("lose the tie and add a scarf")
    assert brief(edits) == "exclude tie; prompt"


def test_says_what_changed() -> None:
    state = State(prompt="a man", negative=parse_negative("hat, blurry"), seed=1)
    said = {
        feedback: OfflineInterpreter().interpret(feedback, state).reply
        for feedback in ("no mustache", "still blurry", "bring the hat back", "thanks!")
    }
    assert said == {
        "no mustache": "Excluded “mustache”.",
        "still blurry": "“blurry” now weighs 1.2.",
        "bring the hat back": "“hat” is allowed again.",
        "thanks!": "Nothing to change.",
    }


def test_starting_over_with_something_else() -> None:
    assert read("start over with a red barn", prompt="a dog", negative="hat") == (Reset(), SetPrompt(text="a red barn"))


def test_says_which_rule_understood_what() -> None:
    state = State(prompt="a man", negative=parse_negative("hat"), seed=1)
    reasons = OfflineInterpreter().explain("nice, but lose the tie and bring the hat back", state)
    assert [(reason.clause, reason.rule) for reason in reasons] == [
        ("lose the tie", "remove"),
        ("bring the hat back", "restore"),
    ]
    assert [edit for reason in reasons for edit in reason.edits] == [Exclude(term="tie"), Allow(term="hat")]


def test_every_rule_names_acts_that_exist() -> None:
    assert {act for rule in grammar().rules for act in (rule.means, rule.denied)} <= set(ACTS)


@pytest.mark.parametrize(
    ("template", "clause", "named"),
    [
        ("lose THING", "lose the Hat", {"THING": "the Hat"}),
        ("THING must not? go", "the hat must go", {"THING": "the hat"}),
        ("THING must not? go", "the hat must not go", {"THING": "the hat", "NOT": "not"}),
        ("(no|without) the? THING (at all)? ...", "no hat at all please", {"THING": "hat"}),
        ("put THING WHERE", "put a cup on the shelf", {"THING": "a cup", "WHERE": "on the shelf"}),
        ("lose THING", "lose", None),
        ("lose _", "lose the hat", None),
    ],
)
def test_a_template_reads_a_clause(template: str, clause: str, named: dict[str, str] | None) -> None:
    found = Template(template).match(Words(clause, Classes({"not": ["not"], "preposition": ["on"]})))
    assert (dict(found.named) if found else None) == named


def test_a_weight_stays_in_range_however_often_it_is_raised() -> None:
    state = State(prompt="a man", negative=parse_negative("blurry"), seed=1)
    for turn in range(1, 12):
        state = apply(state, OfflineInterpreter().interpret("still blurry", state).edits, turn=turn, words="")
    assert state.negative.render() == "(blurry:2)"


def test_a_weight_goes_down_in_steps_and_stays_in_range() -> None:
    state, weights = State(prompt="a man", negative=parse_negative("(blurry:1.4)"), seed=1), []
    for turn in range(1, 16):
        state = apply(state, OfflineInterpreter().interpret("go easier on the blur", state).edits, turn=turn, words="")
        weights += [exclusion.weight for exclusion in state.negative]
    assert weights[:3] == [1.2, 1.0, 0.8]
    assert weights == sorted(weights, reverse=True)
    assert weights[-1] == 0.1


_WORDS = st.lists(
    st.sampled_from(
        [
            "no",
            "not",
            "without",
            "remove",
            "the",
            "hat",
            "too",
            "dark",
            "still",
            "again",
            "undo",
            "add",
            "a",
            "put",
            "it",
            "on",
            "and",
            ",",
            ".",
            "?",
            "!",
            "make",
            "back",
            "bring",
            "don't",
            "blurry",
            ":",
            ";",
            "(",
            ")",
            "[",
            "]",
            "\\",
            '"',
            "'",
            "--",
            "...",
            "1.5",
            "six",
            "fingers",
            "in",
            "of",
            "to",
            "like",
            "looks",
            "is",
            "there",
            "what",
            "why",
            "😀",
            "’",
        ]
    ),
    max_size=14,
).map(" ".join)


@settings(max_examples=300, deadline=None)
@given(
    feedback=st.one_of(st.text(max_size=80), _WORDS),
    prompt=st.one_of(st.just(""), st.just("a man in a hat"), st.text(max_size=20)),
)
def test_no_text_whatever_makes_it_raise(feedback: str, prompt: str) -> None:
    state = State(prompt=prompt, negative=parse_negative("hat, (blurry:1.9)"), seed=1)
    first = OfflineInterpreter().interpret(feedback, state)
    assert first == OfflineInterpreter().interpret(feedback, state)
    apply(state, first.edits, turn=1, words=feedback)


_ANY_CHARACTER = st.characters(codec=None, exclude_categories=())
"""Halves of characters, NUL and the like included."""


@settings(max_examples=150, deadline=None)
@example("\0", "\0")
@example("no \ud800", "a \udfff")
@example("\u202e🧑🏽\u200d🚀 no hat", "hat")
@given(
    feedback=st.text(_ANY_CHARACTER, max_size=60)
    | st.lists(_WORDS | st.text(_ANY_CHARACTER), max_size=5).map(" ".join),
    prompt=st.text(_ANY_CHARACTER, max_size=30),
)
def test_no_character_whatever_makes_it_raise(feedback: str, prompt: str) -> None:
    state = State(prompt=prompt, negative=parse_negative("hat, (blurry:1.9)"), seed=1)
    said = OfflineInterpreter().interpret(feedback, state)
    after = apply(state, said.edits, turn=1, words=feedback)
    assert len({exclusion.term for exclusion in after.negative}) == len(tuple(after.negative))
    OfflineInterpreter().explain(feedback, state)


@settings(max_examples=25, deadline=None)
@given(
    part=_WORDS.filter(bool) | st.text(_ANY_CHARACTER, min_size=1, max_size=20), prompt=st.sampled_from(["", "a hat"])
)
def test_ten_thousand_characters_make_it_not_raise(part: str, prompt: str) -> None:
    state = State(prompt=prompt, negative=parse_negative("hat"), seed=1)
    apply(state, OfflineInterpreter().interpret((part * 10_000)[:10_000], state).edits, turn=1, words="")


def test_a_very_long_text_takes_no_time() -> None:
    assert read(" " * 5000) is not None
    assert read("no hat" + " " * 5000) is not None
    assert read("the hat " * 5000) is not None
    assert read("no " * 5000) is not None
    assert read("a, " * 5000, prompt="") is not None
    assert read("no b, " * 5000, prompt="") is not None
    assert read("no " + "b, c d, " * 5000, prompt="") is not None
    assert read("a b " * 5000, prompt="picture") is not None


@pytest.mark.parametrize(
    ("feedback", "prompt", "expected"),
    [
        ("Moving on. A teapot on a lace cloth, no steam", "A teapot on a lace cloth", "exclude steam; prompt"),
        ("For page two: a castle at dawn without flags", "a castle at dawn", "exclude flags; prompt"),
        ("ok next subject - foggy harbour, boats not wanted", "foggy harbour", "exclude boats; prompt"),
        (
            "Let's park that one. Badger in a waistcoat, skip the monocle",
            "Badger in a waistcoat",
            "exclude monocle; prompt",
        ),
        ("Time for something different! A lighthouse, keep gulls out of it", "A lighthouse", "exclude gulls; prompt"),
        ("New brief: perfume bottle on slate, label-free", "perfume bottle on slate", "exclude label; prompt"),
        (
            "Fresh one: a violinist in a tunnel, graffiti not visible",
            "a violinist in a tunnel",
            "exclude graffiti; prompt",
        ),
        (
            "Imagine a library in a whale, candles lit, devoid of people",
            "a library in a whale, candles lit",
            "exclude people; prompt",
        ),
        # their lookalikes are about the picture that is there
        ("Different background please, no trees", "a dog in a park", "exclude trees"),
        ("Let me try something else: less contrast", "a dog in a park", "exclude contrast"),
        ("That's good, now a bit warmer", "a dog in a park, a bit warmer", "prompt"),
    ],
)
def test_small_talk_before_a_description_announces_another_picture(feedback: str, prompt: str, expected: str) -> None:
    edits = read(feedback, prompt="a dog in a park")
    assert sorted(brief(edits).split("; ")) == sorted(expected.split("; "))
    assert [edit.text for edit in edits if isinstance(edit, SetPrompt)] in ([prompt], [])


@pytest.mark.parametrize(
    ("feedback", "expected"),
    [
        ("most of the runners have no feet", "exclude missing feet"),
        ("half of them have no ears, it's frightening", "exclude missing ears"),
        ("the horse has his hooves on backwards", "exclude bad hooves"),
        ("the same woman stands at every table", "exclude duplicate woman"),
        ("the lamp post has split in two", "exclude broken lamp post"),
        ("one of the chairs is hovering a foot off the floor", "exclude floating"),
        ("the balloon is floating over the roofs", ""),
        ("a wheelie bin is standing in front of the gate", "exclude wheelie bin"),
        ("it's the neon sign that ruins it", "exclude neon sign"),
        ("nobody wants to see the rust on the hinges", "exclude rust"),
        ("that arch belongs to nothing", "exclude arch"),
        ("where his right hand should be there's only sleeve", "exclude missing hand"),
        ("I love that the same flower appears in every panel", ""),
        # a reason adds nothing
        ("too gloomy, readers expect summer", "exclude gloomy"),
        ("way too fancy, it's for a school fete", "exclude fancy"),
        ("remove the leash, poor dog", "exclude leash"),
    ],
)
def test_what_a_clause_tells_and_no_picture_should_show(feedback: str, expected: str) -> None:
    assert brief(read(feedback, prompt="a street")) == expected


@pytest.mark.parametrize(
    ("feedback", "expected"),
    [
        ("the exclusion of fog isn't doing enough", "up fog"),
        ("my ban on fog isn't strict enough", "up fog"),
        ("fog should be excluded much more strongly", "up fog"),
        ("Fog is drifting about again, and I excluded it!", "up fog"),
        ("the weight on fog is over the top", "down fog"),
        ("fog at that strength ruins it. Lower, please", "down fog"),
        ("now the hills look like cardboard. Relax the fog exclusion", "down fog"),
        ("I excluded the fog by accident", ""),
    ],
)
def test_how_hard_something_is_out_is_said_of_the_exclusion(feedback: str, expected: str) -> None:
    assert brief(read(feedback, prompt="hills", negative="(fog:1.4)"), "(fog:1.4)") == expected


@pytest.mark.parametrize(
    ("prompt", "expected", "wanted"),
    [
        ('a man without "watermark"', "exclude watermark; prompt", "a man"),
        ("a man without “hat”", "exclude hat; prompt", "a man"),
        ("a man without 'hat'", "exclude hat; prompt", "a man"),
        ('a shop with no "OPEN" sign', "exclude open sign; prompt", "a shop"),
        ('a cat without \\"hat\\"', "exclude hat; prompt", "a cat"),
        ('a man without "red hat", smiling', "exclude red hat; prompt", "a man, smiling"),
        ('a man with no "text and logos"', "exclude text and logos; prompt", "a man"),
        ('a street, no no-entry sign or "STOP" sign', "exclude no-entry sign; exclude stop sign; prompt", "a street"),
        ('a cup without steam and a sign that says "no"', "exclude steam; prompt", 'a cup, a sign that says "no"'),
        ('a room with nobody in "the" chair', "exclude people; prompt", "a room"),
        ('a poster titled "no end" with no people', "exclude people; prompt", 'a poster titled "no end"'),
        ('a 6" nail without rust, a 7" nail', "exclude rust; prompt", 'a 6" nail, a 7" nail'),
        ('a sign that says "no dogs"', "prompt", 'a sign that says "no dogs"'),
    ],
)
def test_what_a_first_prompt_has_in_quotes_is_read_as_it_is_written(prompt: str, expected: str, wanted: str) -> None:
    edits = read(prompt, prompt="")
    assert brief(edits) == expected
    assert edits[-1] == SetPrompt(text=wanted)


_PHRASES = (
    "no ",
    "without ",
    "a man ",
    "hat",
    " and ",
    ", ",
    " or ",
    ". ",
    "sign saying ",
    "in a park",
    "nobody ",
    "add ",
)
_MARKS = ('"', "“", "”", "'", "‘", "’", "`", "\\", '\\"', "«", "»", "(", ")", "[", "]")
_UNSEEN = ("\0", "\x1b[2J", "\x07", "\r", "\x85", "\u200b", "\u2060", "\ufeff", "\ue000", "\u202e", "\u200d")
_QUOTED = st.lists(
    st.sampled_from([*_PHRASES, *_MARKS, *_UNSEEN]) | st.text(_ANY_CHARACTER, max_size=4),
    max_size=14,
).map("".join)


@settings(max_examples=300, deadline=None)
@example('a man without "watermark"', "")
@example('no "a\0b"', "a \0 man")
@example("nobody in “the chair”", "")
@given(text=_QUOTED, prompt=st.sampled_from(["", "a man in a hat", 'a "red\0" hat', "\u200b", "\u0301"]))
def test_no_control_character_and_no_mask_is_in_an_edit_or_a_reply(text: str, prompt: str) -> None:
    said = OfflineInterpreter().interpret(text, State(prompt=prompt, negative=parse_negative("hat"), seed=1))
    texts = [said.reply]
    for edit in said.edits:
        texts += [edit.text] if isinstance(edit, SetPrompt) else []
        texts += [edit.term] if isinstance(edit, Exclude | Allow | Reweight) else []
    for each in texts:
        assert not {unicodedata.category(character) for character in each} & {"Cc", "Cs", "Co", "Zl", "Zp"}
        assert not set(each) & {"\u200b", "\u2060", "\ufeff", "\u202e"}
        assert each.strip()
