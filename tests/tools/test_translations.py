"""The plugin's texts: all are found, translations survive an update, and the German ones fit their texts."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
import textwrap
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import ModuleType

import pytest

PLUGIN = Path(__file__).resolve().parents[2] / "qgis_plugin"
TRANSLATED = sorted((PLUGIN / "i18n").glob("geophrase_*.ts"))


@pytest.fixture(scope="module")
def tool(repository: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("translations", repository / "tools" / "translations.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A plugin of one module with German translations."""
    (tmp_path / "i18n").mkdir()
    write_code(tmp_path, 'def title():\n    return tr("Find {count}")\n')
    return tmp_path


def write_code(plugin: Path, code: str) -> None:
    (plugin / "page.py").write_text(textwrap.dedent(code), encoding="utf-8")


def write_german(plugin: Path, source: str, translation: str, *, attributes: str = "") -> Path:
    path = plugin / "i18n" / "geophrase_de.ts"
    message = f"<source>{source}</source><translation{attributes}>{translation}</translation>"
    path.write_text(
        f'<!DOCTYPE TS><TS version="2.1" language="de"><context><name>GeoPhrase</name><message>{message}'
        "<translatorcomment>a note</translatorcomment></message></context></TS>",
        encoding="utf-8",
    )
    return path


def messages_of(path: Path) -> dict[str, ElementTree.Element]:
    return {message.findtext("source"): message for message in ElementTree.parse(path).iter("message")}


def test_the_files_of_this_repository_are_up_to_date(tool, capsys):
    assert tool.main(["--check"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("path", TRANSLATED, ids=lambda path: path.stem)
def test_every_translation_is_filled_in_and_linked_as_its_text(path):
    """Counted by an expression of its own, so that the tool's reading of braces is tested with it."""
    kept = re.compile(r"\{[^{}]*\}|href=\"[^\"]*\"|^\s|\s$")
    wrong = {}
    for source, message in messages_of(path).items():
        translation = message.find("translation")
        if translation.get("type") is None and sorted(kept.findall(source)) != sorted(
            kept.findall(translation.text or "")
        ):
            wrong[source] = translation.text
    assert not wrong


def test_german_is_there():
    """Also if nobody looks: the other tests hold for no file as well."""
    assert "geophrase_de" in [path.stem for path in TRANSLATED]


@pytest.mark.parametrize("path", TRANSLATED, ids=lambda path: path.stem)
def test_qt_reads_the_files_as_the_tool_does(path, tool, tmp_path):
    lrelease = shutil.which("lrelease")
    if lrelease is None:
        pytest.skip("Qt's lrelease is not installed (Debian: qttools5-dev-tools)")
    done = subprocess.run(
        [lrelease, str(path), "-qm", str(tmp_path / "out.qm")], capture_output=True, text=True, check=True
    )
    finished = [message for message in tool.read_messages(path).values() if message.is_finished]
    assert f"({len(finished)} finished and 0 unfinished)" in done.stdout


def test_joined_and_multiline_literals_are_found_in_every_kind_of_function(tool, plugin):
    write_code(
        plugin,
        r"""
        class Page:
            @property
            def title(self):
                return tr("One "
                          'and "the" other\n<b>')

        late = lambda: tr("In a lambda")
        async def wait():
            return tr("In a coroutine").format(a=tr("Inside"))
        """,
    )
    found = tool.extract(plugin)
    assert list(found) == ["In a coroutine", "In a lambda", "Inside", 'One and "the" other\n<b>']
    assert found["Inside"] == ["page.py"]

    assert tool.main([], plugin=plugin) == 0
    assert set(messages_of(plugin / "i18n" / "geophrase.ts")) == set(found)


@pytest.mark.parametrize(
    "code",
    [
        "tr(name)",
        'tr(f"{name}")',
        'tr("a" + "b")',
        'tr("a", "b")',
        'tr(text="a")',
        'tr("")',
        "tr()",
        "list(map(tr, name))",
        'name.tr("a")',
    ],
)
def test_what_cannot_be_extracted_is_named_by_its_place(code, tool, plugin, capsys):
    write_code(plugin, f"def title(name):\n    return {code}\n")
    assert tool.main(["--check"], plugin=plugin) == 1
    assert "page.py:2: " in capsys.readouterr().err


@pytest.mark.parametrize("code", ['TITLE = tr("a")', 'def f(a=tr("a")): ...', 'class A:\n    a = tr("a")'])
def test_a_text_of_import_time_is_refused(code, tool, plugin, capsys):
    write_code(plugin, code)
    assert tool.main([], plugin=plugin) == 1
    assert "at import" in capsys.readouterr().err


def test_an_update_keeps_translations_and_notes(tool, plugin):
    path = write_german(plugin, "Find {count}", "{count} suchen")
    assert tool.main([], plugin=plugin) == 0

    message = messages_of(path)["Find {count}"]
    assert message.findtext("translation") == "{count} suchen"
    assert message.find("translation").get("type") is None
    assert message.findtext("translatorcomment") == "a note"
    assert message.find("location").attrib == {"filename": "../page.py"}


def test_new_texts_wait_and_vanished_ones_come_back(tool, plugin):
    path = write_german(plugin, "Find {count}", "{count} suchen")
    before = (plugin / "page.py").read_text()
    write_code(plugin, 'def title():\n    return tr("New")\n')
    assert tool.main([], plugin=plugin) == 0
    states = {
        source: message.find("translation").get("type") for source, message in messages_of(path).items()
    }
    assert states == {"New": "unfinished", "Find {count}": "vanished"}

    write_code(plugin, before)
    assert tool.main([], plugin=plugin) == 0
    assert set(messages_of(path)) == {"Find {count}"}
    assert messages_of(path)["Find {count}"].find("translation").get("type") is None


def test_a_draft_of_a_translator_stays_a_draft(tool, plugin):
    path = write_german(plugin, "Find {count}", "{count} such", attributes=' type="unfinished"')
    assert tool.main([], plugin=plugin) == 0
    draft = messages_of(path)["Find {count}"].find("translation")
    assert (draft.text, draft.get("type")) == ("{count} such", "unfinished")


def test_check_changes_nothing_and_fails_when_a_text_is_new(tool, plugin, capsys):
    assert tool.main([], plugin=plugin) == 0
    assert tool.main(["--check"], plugin=plugin) == 0
    content = (plugin / "i18n" / "geophrase.ts").read_bytes()
    write_code(plugin, 'def title():\n    return tr("New")\n')

    assert tool.main(["--check"], plugin=plugin) == 1
    assert "geophrase.ts is out of date" in capsys.readouterr().err
    assert (plugin / "i18n" / "geophrase.ts").read_bytes() == content


@pytest.mark.parametrize(
    "translation", ["suchen", "{number} suchen", "{count:.1f} suchen", "{count", " {count}"]
)
def test_check_refuses_a_translation_with_other_placeholders(translation, tool, plugin, capsys):
    write_german(plugin, "Find {count}", translation)
    assert tool.main([], plugin=plugin) == 1
    assert "geophrase_de.ts" in capsys.readouterr().err


def test_the_files_do_not_change_with_the_lines_of_the_code(tool, plugin):
    assert tool.main([], plugin=plugin) == 0
    write_code(plugin, '# moved\n\n\ndef title():\n    return tr("Find {count}")\n')
    assert tool.main(["--check"], plugin=plugin) == 0
