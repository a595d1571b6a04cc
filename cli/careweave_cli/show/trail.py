"""The audit trail as tables."""

from collections.abc import Iterable

from rich.table import Table

from careweave.audit.chains import Chain
from careweave.v1 import access_pb2, audit_pb2
from careweave_cli.show.words import word


def access_table(accesses: Iterable[audit_pb2.RecordedAccess]) -> Table:
    """Return who has seen or changed what is held about a person."""
    table = Table("When", "What", "Who", "On behalf of", "Outcome", box=None)
    for each in accesses:
        who = "yourself" if each.own else each.source_system or word(access_pb2.CallerRole, each.role)
        when = each.access_time.ToDatetime()
        outcome = word(audit_pb2.AuditOutcome, each.outcome)
        table.add_row(f"{when:%Y-%m-%d %H:%M:%S}", each.action, who, each.organisation, outcome)
    return table


def chain_table(chains: Iterable[Chain]) -> Table:
    """Return the chains of processes, with what was found of each."""
    table = Table("Chain", "Batches", "Entries", "Last written", "Process", "Found", box=None)
    for chain in chains:
        ended = f"{chain.ended:%Y-%m-%d %H:%M:%S}" if chain.ended else ""
        process = "ended in order" if chain.closed else "runs, or was killed"
        found = f"{len(chain.faults)} faults" if chain.faults else "whole"
        table.add_row(chain.name, f"{chain.first} to {chain.last}", str(chain.entries), ended, process, found)
    return table
