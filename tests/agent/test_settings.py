"""Where a setting comes from: an option, then the environment, then `config.toml`, then the default."""

from pathlib import Path

import pytest
from platformdirs import user_data_path

from notthat.agent import Settings, Studio
from notthat.errors import InvalidInputError


def write_config(home: Path, text: str) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.toml").write_text(text, encoding="utf-8")


def test_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTTHAT_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", "/nowhere")
    settings = Settings.load()
    assert settings.home == user_data_path("notthat", appauthor=False)
    assert (settings.model, settings.database_url, settings.interpreter) == ("mini", None, "auto")


def test_an_option_wins_over_the_environment_and_that_over_the_file(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Settings.load().model == "mini"
    write_config(home, 'model = "from-the-file"\ninterpreter = "offline"')
    assert Settings.load().model == "from-the-file"
    monkeypatch.setenv("NOTTHAT_MODEL", "from-the-environment")
    assert Settings.load(model=None).model == "from-the-environment"
    assert Settings.load(model="from-an-option").model == "from-an-option"
    assert Settings.load().interpreter == "offline"


def test_the_home_that_is_asked_for_has_the_file(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_config(home, 'model = "here"')
    write_config(tmp_path / "elsewhere", 'model = "there"')
    assert Settings.load().model == "here"
    assert Settings.load(home=tmp_path / "elsewhere").model == "there"
    monkeypatch.setenv("NOTTHAT_HOME", str(tmp_path / "elsewhere"))
    assert Settings.load().model == "there"


def test_a_variable_that_is_empty_is_not_set(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_config(home, 'model = "from-the-file"')
    monkeypatch.setenv("NOTTHAT_MODEL", "")
    monkeypatch.setenv("NOTTHAT_DATABASE_URL", "")
    assert (Settings.load().model, Settings.load().database_url) == ("from-the-file", None)


def test_what_the_file_says_of_other_things_is_not_minded(home: Path) -> None:
    write_config(home, 'favourite_colour = "teal"\n[window]\nwidth = 3')
    assert Settings.load().model == "mini"


@pytest.mark.parametrize("home_name", ["home", "a home with spaces é"])
def test_a_studio_is_where_the_settings_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home_name: str) -> None:
    monkeypatch.setenv("NOTTHAT_HOME", str(tmp_path / home_name))
    monkeypatch.setenv("NOTTHAT_DATABASE_URL", f"sqlite:///{tmp_path / 'other.db'}")
    monkeypatch.setenv("NOTTHAT_MODEL", "from-the-environment")
    with Studio.open() as studio:
        assert studio.model == "from-the-environment"
        assert studio.store.images.folder == tmp_path / home_name / "images"
        assert Path(studio.store.place) == tmp_path / "other.db"
    assert (tmp_path / "other.db").is_file()
    assert not (tmp_path / home_name / "notthat.db").exists()


def test_a_value_that_cannot_be_right_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTTHAT_INTERPRETER", "oracle")
    with pytest.raises(InvalidInputError, match=r"^NOTTHAT_INTERPRETER: [^\n]+ not 'oracle'$"):
        Settings.load()


@pytest.mark.parametrize(
    "text", ["model = ", "model = 7", 'interpreter = "oracle"', 'model = "a"\nmodel = "b"', "[[model]]\nx = 1"]
)
def test_a_file_that_cannot_be_right_is_told_in_one_line(home: Path, text: str) -> None:
    write_config(home, text)
    with pytest.raises(InvalidInputError, match=r"^(config\.toml|NOTTHAT_[A-Z]+)[^\n]+$"):
        Settings.load()


def test_a_file_that_is_no_text_is_told_in_one_line(home: Path) -> None:
    write_config(home, "")
    (home / "config.toml").write_bytes(b'model = "caf\xe9"')
    with pytest.raises(InvalidInputError, match=r"^config\.toml can't be read: [^\n]+$"):
        Settings.load()


@pytest.mark.parametrize("url", ["nonsense", "sqlite://", "nosuchdb://somewhere/x"])
def test_an_address_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("NOTTHAT_DATABASE_URL", url)
    with pytest.raises(InvalidInputError, match=r"^[^\n]+$"):
        Studio.open()
