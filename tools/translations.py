#!/usr/bin/env python3
"""Brings the plugin's translations up to date with its code, or checks that they are.

    tools/translations.py [--check]

`qgis_plugin/i18n/geophrase.ts` lists every text that goes through `tr`; a new language begins as a
copy of it named `geophrase_<locale>.ts`, which Qt Linguist, Weblate or Transifex open. The plugin reads these
files itself.
"""

from __future__ import annotations

import argparse
import ast
import re
import string
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

REPOSITORY = Path(__file__).resolve().parent.parent
CONTEXT = "GeoPhrase"
TEMPLATE = "geophrase.ts"


class SourceError(Exception):
    """Calls of `tr` whose text can't be known or comes too early, one place a line."""


@dataclass(frozen=True)
class Message:
    """What a translator made of a text.

    Attributes:
        text: The translation; empty where there is none yet.
        is_finished: Whether it is used.
        comment: The translator's note.
    """

    text: str = ""
    is_finished: bool = False
    comment: str = ""


class _TrCalls(ast.NodeVisitor):
    """Collects the texts of a module, and the lines whose `tr` can't be extracted."""

    def __init__(self) -> None:
        self.texts: set[str] = set()
        self.findings: list[tuple[int, str]] = []
        self._num_functions = 0

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id == "tr":
            self._take(node)
            for argument in node.args:
                self.visit(argument)
        else:
            self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id == "tr":
            self.findings.append((node.lineno, "tr is only called, never passed on"))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr == "tr":
            self.findings.append((node.lineno, "tr is that of core/translation.py, not Qt's"))
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for outside in (*node.decorator_list, node.args):
            self.visit(outside)
        self._visit_body(node.body)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.visit(node.args)
        self._visit_body([node.body])

    def _visit_body(self, nodes: Sequence[ast.AST]) -> None:
        self._num_functions += 1
        for node in nodes:
            self.visit(node)
        self._num_functions -= 1

    def _take(self, node: ast.Call) -> None:
        argument = node.args[0] if len(node.args) == 1 and not node.keywords else None
        text = argument.value if isinstance(argument, ast.Constant) else None
        if not isinstance(text, str) or not text:
            self.findings.append((node.lineno, "tr takes one literal string"))
        elif not self._num_functions:
            self.findings.append((node.lineno, "tr is called at import, before the language is known"))
        else:
            self.texts.add(text)


def extract(plugin: Path) -> dict[str, list[str]]:
    """The plugin's texts with the files that have them, both sorted.

    Raises:
        SourceError: A `tr` can't be extracted.
    """
    files: dict[str, list[str]] = {}
    findings = []
    for path in sorted(plugin.rglob("*.py")):
        calls = _TrCalls()
        calls.visit(ast.parse(path.read_text(encoding="utf-8")))
        name = path.relative_to(plugin).as_posix()
        findings += [f"{name}:{line}: {what}" for line, what in calls.findings]
        for text in calls.texts:
            files.setdefault(text, []).append(name)
    if findings:
        raise SourceError("\n".join(findings))
    return dict(sorted(files.items()))


def read_messages(path: Path) -> dict[str, Message]:
    """The translations of a Linguist file by their source, those that vanished from the code too."""
    messages = {}
    for element in ElementTree.parse(path).iter("message"):
        translation = element.find("translation")
        state = "unfinished" if translation is None else translation.get("type")
        messages[element.findtext("source", "")] = Message(
            text=element.findtext("translation", ""),
            is_finished=state != "unfinished",
            comment=element.findtext("translatorcomment", ""),
        )
    return messages


def render(files: Mapping[str, Sequence[str]], messages: Mapping[str, Message], locale: str = "") -> str:
    """A Linguist file of these texts and of the finished translations whose text vanished.

    It names files but no lines, and is sorted, so that it changes only with the texts.
    """
    language = f' language="{locale}"' if locale else ""
    lines = ['<?xml version="1.0" encoding="utf-8"?>', "<!DOCTYPE TS>"]
    lines += [f'<TS version="2.1"{language} sourcelanguage="en">', "<context>", f"    <name>{CONTEXT}</name>"]
    vanished = {source for source, message in messages.items() if message.is_finished and source not in files}
    for source in sorted({*files, *vanished}):
        lines += _message_lines(source, messages.get(source, Message()), files.get(source, ()))
    return "\n".join([*lines, "</context>", "</TS>", ""])


def _message_lines(source: str, message: Message, names: Sequence[str]) -> Iterator[str]:
    state = "" if message.is_finished else ' type="unfinished"'
    if not names:
        state = ' type="vanished"'
    yield "    <message>"
    yield from (f'        <location filename="../{name}"/>' for name in names)
    yield f"        <source>{_escaped(source)}</source>"
    if message.comment:
        yield f"        <translatorcomment>{_escaped(message.comment)}</translatorcomment>"
    yield f"        <translation{state}>{_escaped(message.text)}</translation>"
    yield "    </message>"


def _escaped(text: str) -> str:
    """As Linguist writes it, so that saving there changes only what was translated."""
    return escape(text, {'"': "&quot;", "'": "&apos;"})


def placeholders(text: str) -> list[str]:
    """What a translation must keep: fields to fill in with their formats, and the targets of links.

    Raises:
        ValueError: The braces of the text are no fields.
    """
    fields = [f"{{{name}:{spec}}}" for _, name, spec, _ in string.Formatter().parse(text) if name is not None]
    return sorted(fields + re.findall(r'href="[^"]*"', text))


def translation_findings(messages: Mapping[str, Message]) -> Iterator[str]:
    """Finished translations that would show something else than their source, or fail when filled in."""
    for source, message in messages.items():
        if not message.is_finished:
            continue
        try:
            is_right = placeholders(message.text) == placeholders(source)
        except ValueError:
            is_right = False
        if not is_right:
            yield f"“{message.text}” has not the placeholders of “{source}”"
        elif not message.text.strip() or message.text[0].isspace() != source[0].isspace():
            yield f"“{message.text}” is empty or has not the spaces of “{source}”"


def renewed(plugin: Path) -> dict[Path, str]:
    """What every translation file should hold.

    Raises:
        SourceError: A `tr` can't be extracted.
    """
    files = extract(plugin)
    folder = plugin / "i18n"
    contents = {folder / TEMPLATE: render(files, {})}
    for path in sorted(folder.glob("geophrase_*.ts")):
        contents[path] = render(files, read_messages(path), path.stem.partition("_")[2])
    return contents


def check(contents: Mapping[Path, str]) -> Iterator[str]:
    """What is out of date or would show wrongly."""
    for path, content in contents.items():
        if not path.is_file() or path.read_text(encoding="utf-8") != content:
            yield f"{path.name} is out of date: run tools/translations.py"
        if path.is_file():
            yield from (f"{path.name}: {finding}" for finding in translation_findings(read_messages(path)))


def main(arguments: Sequence[str] | None = None, *, plugin: Path = REPOSITORY / "qgis_plugin") -> int:
    """Reads the options, then writes or checks the files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; fail if something would change")
    is_check = parser.parse_args(arguments).check
    try:
        contents = renewed(plugin)
    except SourceError as error:
        print(error, file=sys.stderr)
        return 1
    if not is_check:
        for path, content in contents.items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(content, encoding="utf-8", newline="\n")
    findings = list(check(contents))
    print("\n".join(findings), end="\n" if findings else "", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
