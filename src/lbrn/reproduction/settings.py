"""Checked settings read from YAML: number-like text, unknown keys, and one clear message for the first thing wrong."""

import difflib
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from lbrn.errors import InputError


class Settings(BaseModel):
    """Base of all checked settings: unknown keys are refused, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Schema = TypeVar("Schema", bound=Settings)


def _number(value: Any) -> Any:
    """Read number-like text as the number it is: DVC writes 1e-05, which YAML 1.1 takes for text."""
    if isinstance(value, bool):
        raise ValueError("yes and no are not numbers")
    return float(value) if isinstance(value, str) else value


Number = BeforeValidator(_number)


def rule(text: str, example: str) -> Any:
    """A field described by the rule its values obey and by an example; both are quoted to a user who breaks it."""
    return Field(description=text, examples=[example])


def read_yaml(path: Path) -> Any:
    """Read a YAML file.

    Args:
        path: The file.

    Raises:
        InputError: It is absent or not YAML; the message names the line.
    """
    try:
        return yaml.safe_load(path.read_text())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise InputError(f"{path.name}{where} is not YAML: {getattr(error, 'problem', None) or error}") from error


def check(schema: type[Schema], value: Any, where: str) -> Schema:
    """Build a settings object, turning the first thing wrong into one clear message.

    Args:
        schema: What to build.
        value: Plain data read from a file.
        where: The file's name, and the place in it, for the message.

    Raises:
        InputError: The data does not fit.
    """
    try:
        return schema.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        loc = tuple(first["loc"])
        if first["type"] == "value_error" and not loc:
            raise InputError(f"{where}: {first['ctx']['error']}") from error
        if first["type"] == "extra_forbidden":
            raise InputError(_unknown_key(where, schema, loc)) from error
        if first["type"] == "missing" and isinstance(loc[-1], str):
            raise InputError(
                f"{where}: key {_dotted(loc)} is missing; add a line such as '{_example(schema, loc)}'"
            ) from error
        raise InputError(complaint(where, schema, loc, first["input"])) from error


def complaint(where: str, schema: type[Settings], loc: tuple[Any, ...], value: Any) -> str:
    """Say what a value is, what it must be, and what to write instead.

    Args:
        where: The file's name, and the place in it.
        schema: What the file should hold.
        loc: Keys on the way to the value; none for the whole file.
        value: What stands there.
    """
    if not loc:
        return f"{where} must hold a mapping of keys to values, not {value!r}"
    field, path = _field(schema, loc)
    problem = f"{where}: {_dotted(path)} is {value!r}, but must be {field.description}"
    return f"{problem}; write for example '{field.examples[0]}'"


def _unknown_key(where: str, schema: type[Settings], loc: tuple[Any, ...]) -> str:
    for part in loc[:-1]:
        schema = schema.model_fields[part].annotation  # type: ignore[assignment]
    known = list(schema.model_fields)
    close = difflib.get_close_matches(str(loc[-1]), known, n=1)
    hint = f"did you mean {close[0]}?" if close else "remove it;"
    return f"{where}: unknown key {_dotted(loc)}: {hint} Known keys here: {', '.join(known)}"


def _field(schema: type[Settings], loc: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """The innermost described field on the way to a value, and the way so far."""
    field = schema.model_fields[loc[0]]
    inner = field.annotation
    if len(loc) > 1 and isinstance(inner, type) and issubclass(inner, Settings):
        deeper, path = _field(inner, loc[1:])
        return deeper, (loc[0], *path)
    return field, loc[:1]


def _example(schema: type[Settings], loc: tuple[Any, ...]) -> str:
    return str(_field(schema, loc)[0].examples[0])


def _dotted(loc: tuple[Any, ...]) -> str:
    return ".".join(str(part) for part in loc)
