"""Links on the small taxonomies, with the packaged model."""

from collections.abc import Callable
from pathlib import Path

import pytest
from careweave_skills import store
from careweave_skills.importing import Content, Files, import_source
from careweave_skills.linking.uk_titles import ROLES, STANDARDS
from careweave_skills.linking.wordings import bare_title, key, level_distance, manages, topic
from careweave_skills.links_origin import LinksOrigin, read_links_origin
from careweave_skills.sources.esco import read_esco
from careweave_skills.taxonomy import Source

from careweave.config import Settings
from careweave.datasets import folder
from careweave.embedding.port import Embedder
from careweave.errors import FailedPrecondition
from careweave.graph.port import Graph, Query
from careweave.v1 import skills_pb2 as pb
from careweave.wiring import open_embedder
from tests.unit.skills.conftest import clock, quiet

ENDS = Query(
    "ends",
    "MATCH (a:Skill)-[r:SAME_AS]->(b:Skill) RETURN a.label AS a, b.label AS b, r.method AS method, "
    "r.confidence AS confidence",
)


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return open_embedder(Settings(cache=tmp_path_factory.mktemp("cache")))


@pytest.fixture
async def origin_of_links(loaded: Graph, embedder: Embedder) -> LinksOrigin:
    return await read_links_origin(loaded, embedder)


@pytest.fixture
async def linked(loaded: Graph, origin_of_links: LinksOrigin) -> Graph:
    await import_source(loaded, origin_of_links, quiet, clock)
    return loaded


async def test_links_wait_for_the_taxonomies(graph: Graph, embedder: Embedder) -> None:
    with pytest.raises(FailedPrecondition, match="ESCO, CARE_WORKFORCE_PATHWAY, APPRENTICESHIP_STANDARDS"):
        await read_links_origin(graph, embedder)


async def test_a_standard_develops_a_handful_of_skills_of_its_field(linked: Graph) -> None:
    developed = await store.developed_skills(linked, "Standard", "standards/ST0005")
    labels = {link.label for link in developed}
    assert 5 <= len(developed) <= 25
    assert "apply person-centred care" in labels
    assert all(0.5 <= link.confidence <= 1 and link.method == pb.LINK_METHOD_EMBEDDING for link in developed)
    assert [link.confidence for link in developed] == sorted((link.confidence for link in developed), reverse=True)


async def test_standards_prepare_for_what_esco_calls_otherwise(linked: Graph) -> None:
    expected = {
        "standards/ST0216": "healthcare assistant",
        "standards/ST0827": "nurse assistant",
        "standards/ST0781": "nurse responsible for general care",
    }
    for standard, label in expected.items():
        links = await store.occupations_prepared_for(linked, "Standard", standard)
        assert label in {link.label for link in links}
        assert links[0].method == pb.LINK_METHOD_LABEL


async def test_courses_develop_esco_skills_beside_those_of_the_pathway(linked: Graph) -> None:
    course = next(
        each for each in await store.courses_after(linked, "", 300, "") if "Handling of Medicines" in each.title
    )
    developed = await store.developed_skills(linked, "Course", course.name)
    by_method = {link.method: link for link in developed}
    assert by_method[pb.LINK_METHOD_SOURCE].confidence == 1
    assert by_method[pb.LINK_METHOD_SOURCE].skill.startswith("skills/cwp-")
    assert by_method[pb.LINK_METHOD_EMBEDDING].skill.startswith("skills/esco-")


async def test_wordings_that_mean_the_same_are_linked_with_method_and_confidence(linked: Graph) -> None:
    found = {(str(row["a"]), str(row["b"])): row for row in await linked.run(ENDS)}
    pair = ("understand the application of person-centred practices in care settings", "person centred care")
    assert pair in found
    assert found[pair]["method"] == pb.LINK_METHOD_EMBEDDING
    assert 0.5 < float(str(found[pair]["confidence"])) < 1


async def test_making_links_again_changes_nothing(linked: Graph, embedder: Embedder) -> None:
    before = sorted(str(row) for row in await linked.run(ENDS))
    origin = await read_links_origin(linked, embedder)
    assert (await import_source(linked, origin, quiet, clock)).unchanged
    forced = await import_source(linked, origin, quiet, clock, force=True)
    assert not forced.unchanged
    assert sorted(str(row) for row in await linked.run(ENDS)) == before


async def test_a_new_version_of_a_taxonomy_makes_links_out_of_date(
    linked: Graph, origin_of_links: LinksOrigin, embedder: Embedder, small_taxonomies: Path, tmp_path: Path
) -> None:
    newer = tmp_path / "apprenticeships"
    newer.mkdir()
    for file in (small_taxonomies / "apprenticeships").iterdir():
        (newer / file.name).write_bytes(file.read_bytes().replace(b"Adult care worker", b"Adult carer"))
    await import_source(linked, Files(Source.APPRENTICESHIP_STANDARDS, newer), quiet, clock)
    assert (await read_links_origin(linked, embedder)).version() != origin_of_links.version()


async def test_importing_a_taxonomy_again_keeps_the_links_made_from_it(
    linked: Graph, origin: Callable[[Source], Files]
) -> None:
    before = await store.developed_skills(linked, "Course", "courses/cwp-600-2540-2")
    await import_source(linked, origin(Source.CARE_WORKFORCE_PATHWAY), quiet, clock, force=True)
    assert await store.developed_skills(linked, "Course", "courses/cwp-600-2540-2") == before


async def test_links_are_made_alike_every_time(origin_of_links: LinksOrigin) -> None:
    def content() -> Content:
        return origin_of_links.content(lambda activity, done, total: None)

    assert content() == content()


def test_every_esco_label_of_the_table_of_english_titles_exists() -> None:
    labels = {occupation.label for occupation in read_esco(folder("esco-v1.1.1")).occupations}
    for wordings in (*STANDARDS.values(), *ROLES.values()):
        assert set(wordings) <= labels


def test_titles_are_compared_without_qualification_brackets_and_plural() -> None:
    assert bare_title("Physician associate - integrated degree") == "Physician associate"
    assert bare_title("Midwife (2019 NMC standards) (Integrated degree)") == "Midwife"
    assert key("Social workers (degree)") == key("social worker")
    assert key("Healthcare assistant") == key("health care assistants")


def test_a_course_is_about_what_is_left_of_its_title() -> None:
    assert topic("Understanding the Principles and Practices of Assessment") == "Assessment"
    assert topic("Awareness of Dementia") == "Dementia"
    assert topic("Understanding") == "Understanding"


def test_a_degree_does_not_lead_to_an_elementary_occupation() -> None:
    assert level_distance(6, "2221") < level_distance(6, "3221") < level_distance(6, "5321")
    assert level_distance(2, "5321") < level_distance(2, "2221")
    assert manages("Registered manager")
    assert not manages("Care worker")
