"""The root of the command line: which commands there are, and how each one ends."""

from importlib import import_module
from typing import Final, NamedTuple

import click

import careweave as library
from careweave.errors import CareweaveError
from careweave_cli.endings import Failure, ending_of, unexpected


class Subcommand(NamedTuple):
    """A command that is imported when it is called, so that `--help` and the others start quickly."""

    attribute: str
    summary: str


SUBCOMMANDS: Final = {
    "serve": Subcommand("careweave_cli.commands.serve:serve", "Run one or more services, or all, until stopped."),
    "load": Subcommand("careweave_cli.commands.load:load", "Load packaged taxonomies, links or the sample place."),
    "status": Subcommand(
        "careweave_cli.commands.status:status", "Show what answers, what is loaded, and where it lies."
    ),
    "hr": Subcommand("careweave_cli.commands.hr:hr", "Import HR extracts, and mend what was rejected of HR updates."),
    "person": Subcommand(
        "careweave_cli.commands.person:person", "Export or erase all that is held about a person, and prove it."
    ),
    "retention": Subcommand(
        "careweave_cli.commands.retention:retention", "Show how long what is kept, and remove what is older."
    ),
    "token": Subcommand("careweave_cli.commands.token:token", "Print a token of a trial, or revoke tokens."),
    "health": Subcommand("careweave_cli.commands.health:health", "Ask services whether they can answer in full."),
    "match": Subcommand("careweave_cli.commands.match:match", "List the next roles and learning for a person."),
    "candidates": Subcommand("careweave_cli.commands.candidates:candidates", "List people for an opportunity."),
    "explain": Subcommand("careweave_cli.commands.explain:explain", "Explain one person and one opportunity in full."),
    "gains": Subcommand("careweave_cli.commands.gains:gains", "Say which skills would lift an opportunity, and how."),
    "pathways": Subcommand(
        "careweave_cli.commands.pathways:pathways", "Plan routes from where a person stands to another occupation."
    ),
    "decisions": Subcommand(
        "careweave_cli.commands.decisions:decisions", "See what rankings were made of a person, and what they decide."
    ),
    "reviews": Subcommand(
        "careweave_cli.commands.reviews:reviews", "Ask a human to look at a ranking, and answer those who ask."
    ),
    "search": Subcommand("careweave_cli.commands.search:search", "Find skills or occupations by words and meaning."),
    "extract": Subcommand("careweave_cli.commands.extract:extract", "Find the skills that a text speaks of."),
    "equality": Subcommand(
        "careweave_cli.commands.equality:equality",
        "Declare of yourself what equality monitoring asks, or take it back.",
    ),
    "matching": Subcommand("careweave_cli.commands.matching:matching", "Look after the index that matches are from."),
    "events": Subcommand("careweave_cli.commands.events:events", "Read the event log, and look after it."),
    "audit": Subcommand("careweave_cli.commands.audit:audit", "Read and verify the audit trail."),
    "graph": Subcommand("careweave_cli.commands.graph:graph", "Look after the graph database: migrate, compact, copy."),
    "devstack": Subcommand(
        "careweave_cli.commands.devstack:devstack", "Run a real Neo4j and a real Kafka here, from packages alone."
    ),
    "bench": Subcommand("careweave_cli.commands.bench:bench", "Measure matching quality on judged sets."),
    "demo": Subcommand("careweave_cli.commands.demo:demo", "Find one care worker's next steps, from nothing to alert."),
}

EPILOG: Final = """
\b
Examples:
  careweave demo
  careweave load sample
  careweave search occupations "helps people at home"
  careweave match people/k3v9...
  careweave events tail --from-start --no-follow

\b
Exit status:
  0  done                           4  not allowed
  1  unexpected error               5  not in the present state, or the folder is in use
  2  wrong use, or bad input        6  not reachable
  3  no such thing                  7  a limit is reached, or stored content is damaged

Commands call the services at CAREWEAVE_LISTEN (127.0.0.1:50051 unless set). When nothing answers there, they
start what they need in their own process, on the folder ./var, and stop it again. They call with the token in the
file that CAREWEAVE_TOKEN_FILE names; in a trial they get one for whoever --as and --role name.
"""


class CareweaveGroup(click.Group):
    """A group of commands imported on demand, whose errors end as one clear sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in the order of a first encounter."""
        del ctx
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of that name."""
        del ctx
        if cmd_name not in SUBCOMMANDS:
            return None
        module, _, attribute = SUBCOMMANDS[cmd_name].attribute.partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)  # noqa: S101  SUBCOMMANDS names commands alone
        _keep_lines(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, each.summary) for name, each in SUBCOMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; an error of the domain becomes a message and an exit status."""
        try:
            return super().invoke(ctx)
        except CareweaveError as error:
            raise ending_of(error) from error
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError as error:  # the reader of our output, `head` for one, has seen enough
            raise Failure("", 0) from error
        except Exception as error:
            raise unexpected(error, shown=ctx.params.get("debug", False)) from error


def _keep_lines(command: click.Command) -> None:
    r"""Turn each \b of a raw docstring into the character by which click leaves the lines of a paragraph alone."""
    command.help = (command.help or "").replace("\\b\n", "\b\n") or None
    if isinstance(command, click.Group):
        for each in command.commands.values():
            _keep_lines(each)


@click.group(cls=CareweaveGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(library.__version__, prog_name="careweave")
@click.option(
    "--as", "subject", metavar="NAME", help="Call as this person or organisation (people/…, organisations/…)."
)
@click.option("--role", metavar="ROLE", help="Call in this role; person if --as names one, else operator.")
@click.option("--organisation", metavar="NAME", help="Call on behalf of this organisation (organisations/…).")
@click.option("--debug", is_flag=True, help="Show where an unexpected error came from.")
@click.pass_context
def careweave(
    ctx: click.Context, *, subject: str | None, role: str | None, organisation: str | None, debug: bool
) -> None:
    """Find the next role, course, placement or apprenticeship across health and social care employers."""
    del debug  # read by the group, where errors end
    from careweave_cli.session import open_session

    ctx.obj = open_session(ctx.obj or {}, subject, role, organisation)
