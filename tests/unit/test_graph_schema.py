"""The declared schema."""

import pytest

from careweave.graph.schema import SCHEMA, NodeTable, RelationshipTable, Value, declare

A = NodeTable("A", "skills", {"name": Value.TEXT})


@pytest.mark.parametrize(
    ("nodes", "links"),
    [
        ((NodeTable("A", "skills", {"title": Value.TEXT}),), ()),
        ((NodeTable("A", "skills", {"name": Value.TEXT}, indexed=("title",)),), ()),
        ((A,), (RelationshipTable("R", "skills", (("A", "B"),)),)),
        ((A,), (RelationshipTable("R", "skills", (("A", "A"),), keys=("at",)),)),
        ((A,), (RelationshipTable("R", "skills", (("A", "A"),), {"source": Value.TEXT}),)),
        ((A,), (RelationshipTable("a", "skills", (("A", "A"),)),)),
    ],
)
def test_a_declaration_that_cannot_be_is_refused(
    nodes: tuple[NodeTable, ...], links: tuple[RelationshipTable, ...]
) -> None:
    with pytest.raises(ValueError, match=r"must|not|case"):
        declare(nodes, links)


def test_every_table_has_an_owner_that_exists() -> None:
    owners = {node.owner for node in SCHEMA.nodes.values()} | {link.owner for link in SCHEMA.relationships.values()}
    assert owners <= {"skills", "profiles", "matching", "every"}


def test_keys_are_texts() -> None:
    """Both engines look nodes up by them."""
    assert all(table.properties[table.key] is Value.TEXT for table in SCHEMA.nodes.values())


def test_the_version_changes_with_the_declaration_and_with_nothing_else() -> None:
    other = NodeTable("A", "skills", {"name": Value.TEXT, "label": Value.TEXT})
    b = NodeTable("B", "skills", {"name": Value.TEXT})
    assert declare((A, b), ()).version == declare((b, A), ()).version
    assert len({declare(nodes, ()).version for nodes in [(A,), (b,), (A, b), (other,)]}) == 4
