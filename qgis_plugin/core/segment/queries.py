"""What the query line says: phrases, one category each."""

from __future__ import annotations

import unicodedata
from typing import Sequence, Tuple

from geophrase.protocol.messages import MAX_QUERIES, MAX_QUERY_CHARS

from ..translation import tr

SEPARATOR = ";"
_MAX_NAME_CHARS = 60
_NO_TEXT = {"Cc", "Cs"}


class QueryError(ValueError):
    """A query line that can't be asked; the text says why and what to do."""


def split_queries(text: str) -> Tuple[str, ...]:
    """The phrases between semicolons, without surplus blanks, empty ones and repetitions, in order.

    Raises:
        QueryError: There is no phrase, too many, or one is too long or no text.
    """
    phrases = [" ".join(part.split()) for part in text.split(SEPARATOR)]
    queries = tuple(dict.fromkeys(phrase for phrase in phrases if phrase))
    if not queries:
        raise QueryError(tr('There is no query. Type what to look for, such as "storage tanks".'))
    if len(queries) > MAX_QUERIES:
        text = tr("There are {count} phrases. Ask for at most {most} at once.")
        raise QueryError(text.format(count=len(queries), most=MAX_QUERIES))
    for query in queries:
        _refuse_unreadable(query)
    return queries


def short_title(queries: Sequence[str]) -> str:
    """The queries in one line that fits into the layer panel."""
    title = f"{SEPARATOR} ".join(queries)
    return title if len(title) <= _MAX_NAME_CHARS else title[: _MAX_NAME_CHARS - 1].rstrip() + "…"


def _refuse_unreadable(query: str) -> None:
    if len(query) > MAX_QUERY_CHARS:
        text = tr("A phrase has {count} characters. Use at most {most}.")
        raise QueryError(text.format(count=len(query), most=MAX_QUERY_CHARS))
    if any(unicodedata.category(character) in _NO_TEXT for character in query):
        raise QueryError(tr("The query holds characters that are no text. Type it again."))
