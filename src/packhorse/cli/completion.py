"""`packhorse completion`: the script that teaches a shell our commands and options."""

from __future__ import annotations

import click

from packhorse.cli.groups import Command

SHELLS = ("bash", "zsh", "fish")


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

        bash:  echo 'eval "$(packhorse completion bash)"' >> ~/.bashrc
        zsh:   echo 'eval "$(packhorse completion zsh)"' >> ~/.zshrc
        fish:  packhorse completion fish > ~/.config/fish/completions/packhorse.fish

    Next: in a new shell, `packhorse jobs <Tab>`.
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - click brings these three
    script = kind(ctx.find_root().command, {}, "packhorse", "_PACKHORSE_COMPLETE")
    click.echo(script.source_template % script.source_vars())
