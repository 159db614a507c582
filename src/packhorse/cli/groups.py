"""Groups of commands that import a command's module only when it is needed, and that answer a mistyped name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from packhorse.cli.exits import ExitCode
from packhorse.cli.suggestions import called

EXAMPLE = "    "
"""How a line of an example begins."""
OF_COMMANDS = frozenset({"-A", "--app", "--database-url", "--schema", "--json"})
"""Options that groups are given by mistake."""


class Command(click.Command):
    """A command whose help keeps indented paragraphs, the examples, line by line."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.help: str | None = _keep_examples(self.help)

    def get_help(self, ctx: click.Context) -> str:
        """The help, with the examples as the reader calls us."""
        return called(super().get_help(ctx))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; a negative number is not taken for a mistyped option."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if error.option_name[1:2].isdigit():
                raise click.UsageError(
                    f"No such option {error.option_name!r}. Put -- before arguments that begin with a dash.", ctx
                ) from None
            raise


class LazyGroup(click.Group):
    """A group whose commands are named by their place, `package.module:attribute`.

    Args:
        places: the place of each command by its name, in the order in which `--help` lists them.
        elsewhere: for what somebody may take for one of its commands: where that is found instead.
    """

    command_class: type[click.Command] | None = Command

    def __init__(
        self,
        *args: Any,
        places: Mapping[str, str] | None = None,
        elsewhere: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.help: str | None = _keep_examples(self.help)
        self._places = dict(places or {})
        self._elsewhere = dict(elsewhere or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order given."""
        return [*self.commands, *self._places]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        place = self._places.get(cmd_name)
        if place is None:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = place.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def get_help(self, ctx: click.Context) -> str:
        """The help, with the examples as the reader calls us."""
        return called(super().get_help(ctx))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; without any, print the help."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit(ExitCode.USAGE)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if error.option_name in OF_COMMANDS:
                place = f"{ctx.command_path} COMMAND {error.option_name} …"
                raise click.UsageError(f"{error.option_name} goes behind the command: {place}", ctx) from None
            raise

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments begin with; a mistyped one is answered with the closest."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-") and not ctx.resilient_parsing:
            raise click.UsageError(f"No such command {name!r}.{self._suggestion(ctx, name)}", ctx)
        return super().resolve_command(ctx, args)

    def _suggestion(self, ctx: click.Context, name: str) -> str:
        import difflib

        if name in self._elsewhere:
            return f" {self._elsewhere[name]}"
        close = difflib.get_close_matches(name, self.list_commands(ctx), n=3, cutoff=0.5)
        return f" Did you mean {' or '.join(map(repr, close))}?" if close else ""


def _keep_examples(help_text: str | None) -> str | None:
    """Mark indented paragraphs so that click does not fill their lines."""
    if help_text is None:
        return None
    paragraphs = inspect.cleandoc(help_text).split("\n\n")
    return "\n\n".join(f"\b\n{one}" if one.startswith(EXAMPLE) else one for one in paragraphs)
