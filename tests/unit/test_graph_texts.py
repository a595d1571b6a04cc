"""What is read from a query's text."""

import pytest

from careweave.graph.ladybug.texts import read_text


@pytest.mark.parametrize(
    ("text", "parameters", "writes"),
    [
        ("MATCH (n:Skill) WHERE n.name = $name RETURN n.label", {"name"}, False),
        ("MATCH (n:Skill) SET n.label = $label_2", {"label_2"}, True),
        ("match (n) detach delete n", set(), True),
        ("RETURN 'SET $x' AS a, \"CREATE\" AS b, `DELETE`", set(), False),
        ("RETURN 'it''s' + 'a \\' MERGE $y' AS a", set(), False),
        ("MATCH (n) // CREATE $z\nRETURN n.name /* SET $w */", set(), False),
        ("MATCH (n:Settings) RETURN n.created, n.offset", set(), False),
    ],
)
def test_parameters_and_writes_are_found_outside_strings_and_comments(
    text: str,
    parameters: set[str],
    *,
    writes: bool,
) -> None:
    facts = read_text(text)
    assert (set(facts.parameters), facts.writes) == (parameters, writes)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("UNWIND $rows AS r MATCH (n) WHERE n.name = r.name RETURN n.name", "rows"),
        ("  unwind $rows as r MERGE (n:Skill {name: r.name})", "rows"),
        ("UNWIND $rows AS r RETURN count(*) AS n", ""),
        ("MATCH (n) UNWIND $rows AS r RETURN r", ""),
    ],
)
def test_what_all_else_goes_over_is_found_unless_it_is_aggregated(text: str, name: str) -> None:
    assert read_text(text).unwinds == name


@pytest.mark.parametrize("text", ["COMMIT", "begin transaction", "COPY Skill FROM $t", "CHECKPOINT"])
def test_what_does_not_belong_in_a_unit_of_work_is_found(text: str) -> None:
    assert not read_text(text).fits_unit
