"""Python source as the tokens that matter: without comments, docstrings and layout."""

import io
import tokenize
from collections.abc import Iterator

_LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER}
_STRUCTURE = {tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
_FSTRING_START = getattr(tokenize, "FSTRING_START", None)
_FSTRING_END = getattr(tokenize, "FSTRING_END", None)


def tokens(source: str) -> list[str]:
    """A source's tokens as text, the same on every Python: an f-string counts as one token, as before Python 3.12."""
    kept: list[str] = []
    statement: list[str] = []
    for kind, text in _whole_strings(source):
        if kind in _STRUCTURE:
            if not _is_docstring(statement):
                kept += [*statement, tokenize.tok_name[kind]]
            statement = []
        else:
            statement.append(text)
    return kept + statement


def _is_docstring(statement: list[str]) -> bool:
    """Whether a statement is nothing but one string."""
    return len(statement) == 1 and statement[0][-1] in "\"'"


def _whole_strings(source: str) -> Iterator[tuple[int, str]]:
    lines = source.splitlines(keepends=True)
    depth, start = 0, (0, 0)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == _FSTRING_START:
            start = start if depth else token.start
            depth += 1
        elif token.type == _FSTRING_END:
            depth -= 1
            if depth == 0:
                yield tokenize.STRING, _between(lines, start, token.end)
        elif depth == 0 and token.type not in _LAYOUT:
            yield token.type, token.string


def _between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    chosen = lines[start[0] - 1 : end[0]]
    chosen[-1] = chosen[-1][: end[1]]
    chosen[0] = chosen[0][start[1] :]
    return "".join(chosen)
