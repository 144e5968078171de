"""`midb-agent`: every command, and how errors reach the user: one sentence, a hint, an exit code."""

from __future__ import annotations

import sys

import typer

from midb import __version__
from midb.cli import about, checking, prompting, reverting, running, sharding
from midb.cli.audit import commands
from midb.domain.errors import MidbError
from midb.text.terminal import visible

#: typer brings its own copy of click in some versions and uses the package in others; both know these by inheritance.
ClickException: type[Exception] = typer.BadParameter.__mro__[2]

app = typer.Typer(
    name="midb-agent",
    help="Finds and repairs defects in multilingual instruction data, pair by pair, and logs every change.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("run")(running.run)
app.command("check")(checking.check)
app.add_typer(commands.app, name="audit")
app.add_typer(prompting.app, name="prompts")
app.command("revert")(reverting.revert)
app.command("split")(sharding.split_corpus)
app.command("merge")(sharding.merge_shards)
app.command("kinds")(about.list_kinds)
app.command("languages")(about.list_languages)
app.command("graph")(about.print_graph)
app.command("doctor")(about.doctor)


@app.callback(invoke_without_command=True)
def root(version: bool = typer.Option(False, "--version", help="Print the version.")) -> None:
    """Finds and repairs defects in multilingual instruction data, pair by pair, and logs every change."""
    if version:
        typer.echo(f"midb-agent {__version__}")
        raise typer.Exit()


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code (the console script exits with it)."""
    try:
        result = app(arguments, standalone_mode=False)
    except MidbError as error:
        return complain(error.message, error.hint, error.exit_code)
    except ClickException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # a group without a command: its help, as it is
            print(error.format_message(), file=sys.stderr)  # type: ignore[attr-defined]
            return 2
        context = getattr(error, "ctx", None)
        message = error.format_message()  # type: ignore[attr-defined]
        return complain(message, f"{context.command_path} --help" if context else "", 2)
    except (typer.Abort, KeyboardInterrupt):
        return complain("interrupted.", "", 130)
    except BrokenPipeError:
        # The reader (head, less) has seen enough. Python must not complain about stdout again when it exits.
        sys.stderr.close()
        return 141
    return result if isinstance(result, int) else 0


def complain(message: str, hint: str, code: int) -> int:
    """Say what went wrong on stderr, with nothing in it that could steer the terminal."""
    print(f"error: {visible(message)}", file=sys.stderr)
    if hint:
        print(f"       {visible(hint)}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
