#!/usr/bin/env python3
"""Write docs/cli.md from what the commands say of themselves; `--check` only tells whether it is up to date."""

import inspect
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import click

from packhorse.cli.main import packhorse

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"
INTRODUCTION = """\
# The command line

What `packhorse --help` says, on one page. `python tools/cli_page.py` writes it.
"""


def sections(command: click.Command, parent: click.Context | None, words: list[str]) -> Iterator[str]:
    """A section for a command and one for each below it."""
    context = click.Context(command, parent=parent, info_name=words[-1])
    yield section(command, context, words)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None and not below.hidden:
                yield from sections(below, context, [*words, name])


def section(command: click.Command, context: click.Context, words: list[str]) -> str:
    """What one command says: usage, help, options."""
    usage = " ".join([*words, *command.collect_usage_pieces(context)])
    parts = [f"{'#' * (len(words) + 1)} {' '.join(words)}", f"```\n{usage}\n```", *paragraphs(command.help or "")]
    rows = [option for parameter in command.params if (option := row(parameter, words)) is not None]
    if rows:
        parts.append("\n".join(["| Option | Meaning | Default | Variable |", "|---|---|---|---|", *rows]))
    return "\n\n".join(parts)


def paragraphs(text: str) -> Iterator[str]:
    """The help as Markdown: an indented paragraph, marked for click by a backspace, is an example."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        example = paragraph.removeprefix("\b\n")
        if example != paragraph:
            yield f"```sh\n{inspect.cleandoc(example)}\n```"
        else:
            yield textwrap.fill(" ".join(paragraph.split()), 120, break_on_hyphens=False, break_long_words=False)


def row(parameter: click.Parameter, words: list[str]) -> str | None:
    """A line of the table of options, or None for what is no option that users see."""
    if not isinstance(parameter, click.Option) or parameter.hidden:
        return None
    metavar = "" if parameter.is_flag else f" {type_of(parameter)}"
    names = ", ".join(f"`{name}`" for name in parameter.opts)
    default = parameter.default if isinstance(parameter.default, str | int) and not parameter.is_flag else ""
    automatic = "_".join(["PACKHORSE", *words[1:], parameter.name or ""]).upper()
    variable = parameter.envvar or (automatic if parameter.show_envvar else "")
    meaning = (parameter.help or "").replace("|", "\\|")
    return f"| {names}{metavar} | {meaning} | {default} | {f'`{variable}`' if variable else ''} |"


def type_of(option: click.Option) -> str:
    """What an option takes, in a word."""
    if isinstance(option.type, click.Choice):
        return " \\| ".join(f"`{choice}`" for choice in option.type.choices)
    return str(option.metavar or option.type.name.split()[0]).upper().replace("|", " \\| ")


def page() -> str:
    """The whole page."""
    return "\n\n".join([INTRODUCTION.rstrip(), *sections(packhorse, None, ["packhorse"])]) + "\n"


def main() -> int:
    """Write the page, or compare."""
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page():
        return 0
    click.echo("docs/cli.md is out of date: run `python tools/cli_page.py`", err=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
