"""The skills service over gRPC, on taxonomies cut down to care."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
import pytest_asyncio
from careweave_skills.service import build

from careweave.client import OPERATOR, Caller, Role, calling, connect
from careweave.config import Settings
from careweave.errors import CareweaveError, Forbidden, InvalidArgument, NotFound
from careweave.rpc.channels import Channels
from careweave.rpc.server import running
from careweave.v1 import common_pb2
from careweave.v1 import skills_pb2 as pb
from careweave.wiring import open_adapters
from tests.small_taxonomies import write_small_taxonomies

pytestmark = pytest.mark.asyncio(loop_scope="session")

PERSON_CENTRED = "apply person-centred care"


@pytest.fixture(scope="session")
def taxonomies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_taxonomies(tmp_path_factory.mktemp("taxonomies") / "small")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def address(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Yield where a skills service answers that has nothing loaded yet."""
    place = tmp_path_factory.mktemp("skills")
    settings = Settings(
        graph=f"ladybug:{place / 'graph'}",
        events=f"sqlite:{place / 'events.db'}",
        cache=place / "cache",
        listen="127.0.0.1:0",
        trial="yes",
    )
    async with open_adapters(settings) as adapters, running(settings, [build], adapters) as started:
        await started.until_ready()
        yield started.settings.listen


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def services(address: str, taxonomies: Path) -> AsyncIterator[Channels]:
    """Yield clients of the service once it has imported everything and embedded the preferred labels."""
    async with connect(address, OPERATOR) as connected:
        await import_all(connected, folder=str(taxonomies))
        await until_searchable(connected)
        yield connected


async def import_all(services: Channels, **request: object) -> list[pb.ImportTaxonomyResponse]:
    return [step async for step in services.skills.ImportTaxonomy(pb.ImportTaxonomyRequest(**request))]  # type: ignore[arg-type]  # names of fields


async def until_searchable(services: Channels) -> None:
    request = pb.SearchSkillsRequest(query="care")
    for _ in range(3_000):
        if (await services.skills.SearchSkills(request)).semantic_coverage == 1:
            return
        await asyncio.sleep(0.2)
    raise AssertionError("the preferred labels were never all embedded")


async def named(services: Channels, label: str) -> pb.Skill:
    reply = await services.skills.SearchSkills(pb.SearchSkillsRequest(query=label, page_size=1))
    return reply.hits[0].skill


async def occupation_named(services: Channels, label: str) -> str:
    reply = await services.skills.SearchOccupations(pb.SearchOccupationsRequest(query=label, page_size=1))
    return reply.hits[0].occupation.name


async def test_importing_what_is_there_changes_nothing_and_says_so(services: Channels, taxonomies: Path) -> None:
    steps = await import_all(services, folder=str(taxonomies))
    summaries = [step.summary for step in steps if step.HasField("summary")]
    assert [summary.source for summary in summaries] == [1, 2, 3, 4]
    assert all(summary.unchanged for summary in summaries)


async def test_the_status_names_versions_model_and_progress(services: Channels) -> None:
    status = await services.skills.GetTaxonomyStatus(pb.GetTaxonomyStatusRequest())
    assert [summary.source for summary in status.sources] == [1, 2, 3, 4]
    assert len(status.version) == 64
    assert status.model.startswith("careweave-minilm@")
    assert 0 < status.embedded <= status.to_embed
    esco = status.sources[0]
    assert esco.loaded["occupations"] > 20
    assert {noted.reason for noted in status.sources[1].corrected} >= {
        "skill category spelt differently, read as the closest"
    }


async def test_an_import_tells_how_far_it_is(services: Channels, taxonomies: Path) -> None:
    steps = await import_all(services, sources=[pb.TAXONOMY_SOURCE_ESCO], folder=str(taxonomies), force=True)
    done = [step.done for step in steps if step.total]
    assert done == sorted(done)
    assert steps[-1].HasField("summary")
    assert not steps[-1].summary.unchanged


async def test_two_imports_at_once_take_turns(services: Channels, taxonomies: Path) -> None:
    pathway = [pb.TAXONOMY_SOURCE_CARE_WORKFORCE_PATHWAY]
    runs = await asyncio.gather(
        *(import_all(services, sources=pathway, folder=str(taxonomies), force=True) for _ in range(3))
    )
    assert all(steps[-1].summary.loaded["courses"] == 234 for steps in runs)


async def test_a_skill_comes_with_labels_kind_collections_and_groups(services: Channels) -> None:
    found = await named(services, PERSON_CENTRED)
    skill = await services.skills.GetSkill(pb.GetSkillRequest(name=found.name))
    assert skill == found
    assert skill.label == PERSON_CENTRED
    assert skill.name == f"skills/esco-{skill.source_id.rpartition('/')[2]}"
    assert skill.kind == pb.SKILL_KIND_SKILL
    assert skill.scheme == pb.SCHEME_ESCO
    assert skill.alternative_labels
    assert skill.description


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("GetSkill", pb.GetSkillRequest(name="skills/none")),
        ("GetOccupation", pb.GetOccupationRequest(name="occupations/none")),
        ("GetStandard", pb.GetStandardRequest(name="standards/ST9999")),
        ("GetCourse", pb.GetCourseRequest(name="courses/none")),
        ("ListRelatedSkills", pb.ListRelatedSkillsRequest(name="skills/none")),
    ],
)
async def test_what_is_not_there_is_not_found_by_name(services: Channels, method: str, request_: object) -> None:
    with pytest.raises(NotFound, match="There is no ") as missing, calling():
        await getattr(services.skills, method)(request_)
    assert missing.value.metadata["resource"] == getattr(request_, "name")  # noqa: B009  any of several requests


async def test_skills_are_listed_in_order_of_name_page_by_page_without_gap(services: Channels) -> None:
    names: list[str] = []
    request = pb.ListSkillsRequest(page_size=300, scheme=pb.SCHEME_APPRENTICESHIP_STANDARDS)
    while True:
        reply = await services.skills.ListSkills(request)
        names += [skill.name for skill in reply.skills]
        if not reply.next_page_token:
            break
        request.page_token = reply.next_page_token
    assert names == sorted(set(names))
    assert len(names) == 45 + 57 + 90 + 119
    assert all(name.startswith("skills/ksb-") for name in names)


async def test_a_list_can_be_narrowed_to_a_collection(services: Channels) -> None:
    reply = await services.skills.ListSkills(pb.ListSkillsRequest(collection=pb.SKILL_COLLECTION_DIGITAL))
    assert reply.skills
    assert all(pb.SKILL_COLLECTION_DIGITAL in skill.collections for skill in reply.skills)


@pytest.mark.parametrize("change", ["tampered", "other filter", "nonsense"])
async def test_a_page_token_that_is_not_of_this_request_is_refused(services: Channels, change: str) -> None:
    request = pb.ListSkillsRequest(page_size=5)
    token = (await services.skills.ListSkills(request)).next_page_token
    request.page_token = {"tampered": token[:-2] + ("AA" if token[-2:] != "AA" else "BB"), "nonsense": "?"}.get(
        change, token
    )
    if change == "other filter":
        request.scheme = pb.SCHEME_ESCO
    with pytest.raises(InvalidArgument, match="page_token does not belong") as refused, calling():
        await services.skills.ListSkills(request)
    assert refused.value.violations[0].field == "page_token"


async def test_search_finds_by_words_and_by_meaning(services: Channels) -> None:
    by_words = await services.skills.SearchSkills(pb.SearchSkillsRequest(query="person centred care", page_size=5))
    assert PERSON_CENTRED in {hit.skill.label for hit in by_words.hits}
    assert by_words.hits[0].matched_label
    assert by_words.semantic_coverage == 1
    by_meaning = await services.skills.SearchSkills(
        pb.SearchSkillsRequest(query="giving tablets", page_size=10, scheme=pb.SCHEME_ESCO)
    )
    assert any("medic" in hit.skill.label for hit in by_meaning.hits)
    for reply in (by_words, by_meaning):
        scores = [hit.score for hit in reply.hits]
        assert scores == sorted(scores, reverse=True)
        assert all(0 < score <= 1 for score in scores)


async def test_search_goes_on_where_the_page_ended(services: Channels) -> None:
    whole = await services.skills.SearchSkills(pb.SearchSkillsRequest(query="health", page_size=10))
    first = await services.skills.SearchSkills(pb.SearchSkillsRequest(query="health", page_size=4))
    rest = await services.skills.SearchSkills(
        pb.SearchSkillsRequest(query="health", page_size=6, page_token=first.next_page_token)
    )
    assert [hit.skill.name for hit in (*first.hits, *rest.hits)] == [hit.skill.name for hit in whole.hits]


async def test_a_duty_that_standards_share_word_for_word_is_found_once(services: Channels) -> None:
    reply = await services.skills.SearchSkills(
        pb.SearchSkillsRequest(query="infection", page_size=100, scheme=pb.SCHEME_APPRENTICESHIP_STANDARDS)
    )
    labels = [hit.skill.label.casefold() for hit in reply.hits]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("query", ["", " \t\n", "x" * 1_001])
async def test_a_query_must_say_something_and_not_too_much(services: Channels, query: str) -> None:
    with pytest.raises(InvalidArgument) as refused, calling():
        await services.skills.SearchSkills(pb.SearchSkillsRequest(query=query))
    assert refused.value.violations[0].field == "query"


async def test_enums_and_sizes_out_of_range_are_refused_by_field(services: Channels) -> None:
    wrong = pb.ListSkillsRequest(page_size=-1)
    wrong.scheme = 99  # type: ignore[assignment]  # what a careless client sends
    with pytest.raises(InvalidArgument) as refused, calling():
        await services.skills.ListSkills(wrong)
    assert {violation.field for violation in refused.value.violations} == {"page_size", "scheme"}


async def test_a_job_title_finds_the_occupation_with_what_it_requires(services: Channels) -> None:
    name = await occupation_named(services, "health care assistant")
    occupation = await services.skills.GetOccupation(pb.GetOccupationRequest(name=name))
    assert occupation.label == "healthcare assistant"
    assert occupation.isco_group == "5321"
    importances = [each.importance for each in occupation.requirements]
    assert importances == sorted(importances)
    essential = [each.label for each in occupation.requirements if each.importance == common_pb2.IMPORTANCE_ESSENTIAL]
    assert essential == sorted(essential)
    assert "work under supervision in care" in essential


async def test_a_role_category_of_the_pathway_is_an_occupation(services: Channels) -> None:
    occupation = await services.skills.GetOccupation(pb.GetOccupationRequest(name="occupations/cwp-roleb"))
    assert occupation.label == "Care or support worker"
    assert occupation.scheme == pb.SCHEME_CARE_WORKFORCE_PATHWAY
    assert len(occupation.requirements) == 58


async def test_related_skills_come_surest_first_with_relation_and_method(services: Channels) -> None:
    skill = await named(services, PERSON_CENTRED)
    reply = await services.skills.ListRelatedSkills(pb.ListRelatedSkillsRequest(name=skill.name))
    confidences = [link.confidence for link in reply.links]
    assert confidences == sorted(confidences, reverse=True)
    same = next(link for link in reply.links if link.relation == "SAME_AS")
    assert same.method in (pb.LINK_METHOD_EMBEDDING, pb.LINK_METHOD_LABEL)
    assert same.label
    first = await services.skills.ListRelatedSkills(pb.ListRelatedSkillsRequest(name=skill.name, page_size=1))
    second = await services.skills.ListRelatedSkills(
        pb.ListRelatedSkillsRequest(name=skill.name, page_size=1, page_token=first.next_page_token)
    )
    assert [*first.links, *second.links] == list(reply.links[:2])


async def test_a_standard_comes_with_duties_skills_and_occupations(services: Channels) -> None:
    standard = await services.skills.GetStandard(pb.GetStandardRequest(name="standards/ST0827"))
    assert standard.title == "Nursing associate (NMC 2018)"
    assert standard.level == 5
    assert len(standard.duties) == 90
    assert standard.duties[0].source_id == "ST0827-K1"
    assert 5 <= len(standard.develops) <= 25
    assert standard.prepares_for[0].label == "nurse assistant"


async def test_standards_are_listed_without_duties(services: Channels) -> None:
    reply = await services.skills.ListStandards(pb.ListStandardsRequest(page_size=1_000))
    names = [standard.name for standard in reply.standards]
    assert names == sorted(names)
    assert "standards/ST0005" in names
    assert not any(standard.duties for standard in reply.standards)


async def test_courses_can_be_asked_for_by_what_they_develop(services: Channels) -> None:
    courses = await services.skills.ListCourses(pb.ListCoursesRequest(page_size=1_000))
    assert len(courses.courses) == 234
    skill = await named(services, "safe management of medicines")
    found = await services.skills.ListCourses(pb.ListCoursesRequest(develops=skill.name))
    assert found.courses
    for each in found.courses:
        course = await services.skills.GetCourse(pb.GetCourseRequest(name=each.name))
        assert skill.name in {link.skill for link in course.develops}
    assert not (await services.skills.ListCourses(pb.ListCoursesRequest(develops="skills/none"))).courses


async def test_extracted_skills_stand_where_the_span_says(services: Channels) -> None:
    text = "You will apply person-centred care. 🙂 We meet in the old library on Tuesdays."
    reply = await services.skills.ExtractSkills(pb.ExtractSkillsRequest(text=text))
    mentions = {each.label: each.mention for each in reply.skills}
    assert mentions[PERSON_CENTRED] == pb.SKILL_MENTION_NAMED
    assert pb.SKILL_MENTION_UNSPECIFIED not in mentions.values()
    for each in (*(found.span for found in reply.skills), *reply.unmatched):
        assert text[each.start : each.end] == each.text
    assert any("library" in span.text for span in reply.unmatched)
    confidences = [each.confidence for each in reply.skills]
    assert confidences == sorted(confidences, reverse=True)
    sure = await services.skills.ExtractSkills(pb.ExtractSkillsRequest(text=text, minimum_confidence=1))
    assert not sure.skills


async def test_a_skill_that_only_follows_from_the_text_is_marked_and_says_by_what(services: Channels) -> None:
    request = pb.ExtractSkillsRequest(text="You know the NICE guidelines.", minimum_confidence=0.01)
    found: dict[str, pb.ExtractedSkill] = {}
    for _ in range(300):  # wordings are embedded in the background
        found = {each.label: each for each in (await services.skills.ExtractSkills(request)).skills}
        if found["follow clinical guidelines"].wording:
            break
        await asyncio.sleep(0.2)
    assert found["follow clinical guidelines"].mention == pb.SKILL_MENTION_IMPLIED
    assert found["follow clinical guidelines"].wording == "NICE guidelines"


@pytest.mark.parametrize("text", ["", "\n \t", "x" * 100_001, "x" * 20_000_000])
async def test_a_text_without_words_or_beyond_the_limit_is_refused(services: Channels, text: str) -> None:
    with pytest.raises(InvalidArgument) as refused, calling():
        await services.skills.ExtractSkills(pb.ExtractSkillsRequest(text=text))
    assert refused.value.violations[0].field == "text"


@pytest.mark.parametrize("role", [Role.PERSON, Role.MANAGER, Role.RECRUITER, Role.PLANNER])
async def test_only_those_who_run_it_may_import(address: str, taxonomies: Path, role: Role) -> None:
    async with connect(address, Caller(subject="people/a", role=role)) as others:
        with pytest.raises(Forbidden), calling():
            await import_all(others, folder=str(taxonomies))


async def test_a_folder_that_is_not_there_is_refused(services: Channels, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="There is no folder") as refused, calling():
        await import_all(services, folder=str(tmp_path / "nowhere"))
    assert refused.value.violations[0].field == "folder"


async def test_a_damaged_source_is_refused_by_file_and_nothing_of_it_is_written(
    services: Channels, taxonomies: Path, tmp_path: Path
) -> None:
    before = await services.skills.GetTaxonomyStatus(pb.GetTaxonomyStatusRequest())
    damaged = tmp_path / "damaged"
    shutil.copytree(taxonomies, damaged)
    file = damaged / "uk-care" / "cwp_skills.csv"
    file.write_bytes(file.read_bytes().replace(b"skill_category", b"category", 1))
    with pytest.raises(CareweaveError, match="lacks the column skill_category") as refused, calling():
        await import_all(services, folder=str(damaged))
    assert isinstance(refused.value, InvalidArgument)
    assert refused.value.reason == "SOURCE_COLUMN_MISSING"
    assert refused.value.metadata["file"] == "cwp_skills.csv"
    after = await services.skills.GetTaxonomyStatus(pb.GetTaxonomyStatusRequest())
    assert [summary.version for summary in after.sources] == [summary.version for summary in before.sources]


async def test_a_client_that_goes_away_does_not_stop_an_import(services: Channels, taxonomies: Path) -> None:
    request = pb.ImportTaxonomyRequest(sources=[pb.TAXONOMY_SOURCE_ESCO], folder=str(taxonomies), force=True)
    call = services.skills.ImportTaxonomy(request)
    assert (await call.read()) is not grpc.aio.EOF
    call.cancel()
    again = await import_all(services, sources=[pb.TAXONOMY_SOURCE_ESCO], folder=str(taxonomies))
    assert again[-1].summary.unchanged
