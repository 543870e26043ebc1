"""The generated parts of the reference: the command line, the schemas of recipes and of data files.

mkdocs calls `on_page_markdown` for each page; `<!-- generated: NAME -->` in a page is replaced by what NAME gives.
"""

import html
import inspect
import re
from collections.abc import Callable, Iterator
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic import BaseModel

_GENERATED_PART = re.compile(r"<!-- generated: ([\w-]+) -->")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _code(text: str) -> str:
    """Return code for a cell; between backticks the escape of a bar would be seen."""
    return f"<code>{html.escape(text, quote=False).replace('|', '&#124;')}</code>"


def _commands(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    inside = getattr(command, "commands", None)
    if inside is not None:
        for name, inner in inside.items():
            if not inner.hidden:
                yield from _commands(inner, (*words, name))
    else:
        yield words, command


def _options(command: Any) -> Iterator[str]:
    for one in command.params:
        if getattr(one, "hidden", False):
            continue
        text = getattr(one, "help", None) or ""
        if one.param_type_name == "argument":
            name = f"`{(one.metavar or one.name or '').upper()}`"
        else:
            name = ", ".join(f"`{word}`" for word in (*one.opts, *one.secondary_opts) if word != "--help")
            default = getattr(one, "show_default", False)
            text += f" Default: {default}." if isinstance(default, str) else ""
        if name:
            yield f"| {name} | {_cell(text)} |"


def command_line() -> str:
    """Return a section for each command: what it does, its arguments and its options."""
    from hxbench.cli.app import app

    parts = []
    for words, command in _commands(typer.main.get_command(app), ("hxbench",)):
        help_text = inspect.cleandoc(command.help or "")
        parts.append(f"## `{' '.join(words)}`\n\n{help_text}\n\n| argument or option | meaning |\n| --- | --- |")
        parts[-1] += "\n" + "\n".join(_options(command)) + "\n"
    return "\n".join(parts)


def _type(annotation: Any) -> str:
    """Return a type in short: without modules, and without the checks behind it."""
    if get_origin(annotation) is Annotated:
        return _type(get_args(annotation)[0])
    inner = [one for one in get_args(annotation) if one is not Ellipsis]
    if get_origin(annotation) in (Union, UnionType):
        return " | ".join(dict.fromkeys(map(_type, inner)))
    if get_origin(annotation) is Literal:
        return " | ".join(map(repr, inner))
    name = "none" if annotation is type(None) else getattr(annotation, "__name__", str(annotation))
    return f"{name}[{', '.join(map(_type, inner))}]" if inner else name


def _remarks(model: type[BaseModel]) -> dict[str, str]:
    """Return what the source says behind a field or on the line above it."""
    found: dict[str, str] = {}
    above = ""
    for line in inspect.getsource(model).splitlines():
        if said := re.match(r"\s*# (.*)$", line):
            above = f"{above} {said[1]}".strip()
        elif field := re.match(r"\s+(\w+): .*?(?:  # (.*))?$", line):
            found[field[1]] = field[2] or above
            above = ""
        else:
            above = ""
    return found


def fields_of(*models: type[BaseModel]) -> str:
    """Return a table of the fields of each model: its type, its default, and what it is."""
    parts = []
    for model in models:
        remarks = _remarks(model)
        about = _cell(inspect.getdoc(model) or "")
        lines = [
            f"### {model.__name__}",
            "",
            about,
            "",
            "| field | type | default | meaning |",
            "| --- | --- | --- | --- |",
        ]
        for name, field in model.model_fields.items():
            value = "required" if field.is_required() else repr(field.get_default(call_default_factory=True))
            default = value if field.is_required() else _code(value)
            default = "" if value in ("''", "{}", "()", "None") else default
            text = field.description or remarks.get(name, "")
            lines.append(f"| `{name}` | {_code(_type(field.annotation))} | {default} | {_cell(text)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def recipes() -> str:
    """Return the schemas of recipes: methods, experiments, profiles, backbones."""
    from hxbench.spec.backbone import BackboneSpec
    from hxbench.spec.recipe import schema
    from hxbench.spec.run_spec import DataSpec, TrainingSpec

    return fields_of(
        schema.MethodRecipe, schema.Scaled, schema.ExperimentRecipe, schema.ExperimentBlock, schema.FewShotRecipe,
        schema.ProfileRecipe, schema.PaperScale, BackboneSpec, TrainingSpec, DataSpec,
    )  # fmt: skip


def data_file() -> str:
    """Return the schema of a data file."""
    from hxbench.tasks import description

    models = [
        value for value in vars(description).values()
        if inspect.isclass(value) and issubclass(value, BaseModel) and value.__module__ == description.__name__
    ]  # fmt: skip
    return fields_of(*models)


GENERATED: dict[str, Callable[[], str]] = {
    "command-line": command_line,
    "recipes": recipes,
    "data-file": data_file,
}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return the page with its generated parts (called by mkdocs)."""
    return _GENERATED_PART.sub(lambda found: GENERATED[found[1]](), markdown)
