"""`midb-agent`: every command, and how errors reach the user: one sentence, a hint, an exit code."""

from __future__ import annotations

import contextlib
import errno
import os
import sys

import typer

from midb import __version__
from midb.cli.table import PLAIN, table_of
from midb.domain.errors import MidbError
from midb.text.terminal import visible

#: What a disk says that takes no more. Files that are written by name have sentences of their own: this is stdout.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

#: typer brings its own copy of click in some versions and uses the package in others; both know these by inheritance.
ClickException: type[Exception] = typer.BadParameter.__mro__[2]

#: Every command in the order of the help: where it stands, and the first sentence of its own help.
COMMANDS = {
    "run": (
        "midb.cli.running:run",
        "Boost a corpus: repair what can be proved, flag the rest, log every decision.",
    ),
    "check": ("midb.cli.checking:check", "Find defects and change nothing."),
    "audit": ("midb.cli.audit.commands:app", "Look into the audit log: what was changed, why, and the proof."),
    "report": (
        "midb.cli.reporting:report",
        "Report what a run did, from its audit log: as an HTML page, a data set's card, or JSON.",
    ),
    "prompts": ("midb.cli.prompting:app", "The prompts of the passes, and what would be sent about a record."),
    "revert": (
        "midb.cli.reverting:revert",
        "Undo edits: write a new corpus without them, and log that as a run, which can be reverted as well.",
    ),
    "evaluate": (
        "midb.cli.evaluating.commands:app",
        "Whether the data are better: figures of their texts, judges who compare, and judges who are judged.",
    ),
    "prove": (
        "midb.cli.proving.prove:prove",
        "Prove whether models learn better from a boosted corpus: train students, let them answer, write one page.",
    ),
    "review": (
        "midb.cli.reviewing.commands:app",
        "People review edits and findings: on a local page, or in a sheet.",
    ),
    "apply": (
        "midb.cli.reviewing.applying:apply",
        "Do what a review said: write a new corpus without rejected edits and with people's own texts, and log that.",
    ),
    "split": (
        "midb.cli.sharding:split_corpus",
        "Cut a corpus into shards, for runs on several machines; merge puts them together.",
    ),
    "merge": (
        "midb.cli.sharding:merge_shards",
        "Put the finished runs of all shards together: one output and one audit log, as of a single run.",
    ),
    "inject": (
        "midb.cli.learning.injecting:inject",
        "Put known defects into a corpus, to measure what finds them: a checker, a model, people.",
    ),
    "examples": (
        "midb.cli.learning.examples:examples",
        "Make training examples from revisions: chats of what a run would send, and the reply that is to be learnt.",
    ),
    "train": (
        "midb.cli.learning.training:train",
        "Train a LoRA adapter of a model on revisions, so that it rewrites as they do.",
    ),
    "measure": (
        "midb.cli.learning.measuring:measure",
        "Measure what a booster learned: its replies on held-out examples, next to the model as it is.",
    ),
    "kinds": (
        "midb.cli.about:list_kinds",
        "List the kinds of defects: what is repaired, what is flagged, in which languages, and why not in the others.",
    ),
    "languages": (
        "midb.cli.about:list_languages",
        "List the languages, their conventions, and the kinds that abstain in each.",
    ),
    "graph": ("midb.cli.about:print_graph", "Print the state machine as mermaid text."),
    "doctor": ("midb.cli.about:doctor", "Check that this machine has what a run needs."),
}

app = typer.Typer(
    name="midb-agent",
    cls=table_of(COMMANDS),
    help="Finds and repairs defects in multilingual instruction data, pair by pair, and logs every change.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    **PLAIN,
)


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
        sys.stdout.flush()  # here, where it may fail with a sentence, and not at the end of Python
    except MidbError as error:
        return complain(error.message, error.hint, error.exit_code)
    except ClickException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # a group without a command: its help, as it is
            return tell(error.format_message(), 2)  # type: ignore[attr-defined]
        context = getattr(error, "ctx", None)
        message = error.format_message()  # type: ignore[attr-defined]
        return complain(message, f"{context.command_path} --help" if context else "", 2)
    except (typer.Abort, KeyboardInterrupt):
        return complain("interrupted.", "", 130)
    except SystemExit as ended:
        # rich and typer end the process themselves where nobody reads on.
        if isinstance(ended.__context__, OSError) and ended.__context__.errno == errno.EPIPE:
            return leave_quietly()
        raise
    except BrokenPipeError:
        return leave_quietly()
    except OSError as error:
        if error.errno not in FULL or error.filename is not None:
            raise
        drop_output()
        return complain(f"what is said cannot be written: {error.strerror}.", "Free some space there.", 1)
    return result if isinstance(result, int) else 0


def leave_quietly() -> int:
    """The reader (head, less) has seen enough: no error, and what a shell calls the end by SIGPIPE."""
    drop_output()
    return 141


def drop_output() -> None:
    """What stdout and stderr still hold back goes nowhere: Python would try again when it exits, and complain."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())
                os.close(nowhere)


def complain(message: str, hint: str, code: int) -> int:
    """Say what went wrong on stderr, with nothing in it that could steer the terminal; returns the code."""
    said = [f"error: {visible(message)}", *([f"       {visible(hint)}"] if hint else [])]
    return tell("\n".join(said), code)


def tell(said: str, code: int) -> int:
    """Print on stderr, where somebody still reads it: the exit code stays what it is; returns it."""
    try:
        print(said, file=sys.stderr, flush=True)
    except OSError:
        drop_output()
    return code


if __name__ == "__main__":
    sys.exit(main())
