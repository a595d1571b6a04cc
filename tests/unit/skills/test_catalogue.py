"""What search and extraction take from the graph."""

from pathlib import Path

from careweave_skills.catalogue import read_catalogue
from careweave_skills.sources.esco import read_esco
from careweave_skills.taxonomy import Scheme

from careweave.care import CARE_GROUPS
from careweave.config import Settings
from careweave.graph.port import Graph
from careweave.wiring import open_embedder


async def test_skills_say_how_many_occupations_of_care_and_at_all_require_them(
    loaded: Graph, small_taxonomies: Path, tmp_path: Path
) -> None:
    catalogue = await read_catalogue(loaded, open_embedder(Settings(cache=tmp_path)))
    esco = read_esco(small_taxonomies / "esco-v1.1.1")
    groups = {occupation.name: occupation.isco_group for occupation in esco.occupations}
    pairs = {(each.occupation, each.skill) for each in esco.requirements if groups[each.occupation] in CARE_GROUPS}
    counted = {skill.name: skill.care_occupations for skill in catalogue.skills.concepts if skill.scheme == Scheme.ESCO}
    assert counted == {name: sum(skill == name for _, skill in pairs) for name in counted}
    assert max(counted.values()) > 1
    every = {(each.occupation, each.skill) for each in esco.requirements}
    asked = {skill.name: skill.occupations for skill in catalogue.skills.concepts if skill.scheme == Scheme.ESCO}
    assert asked == {name: sum(skill == name for _, skill in every) for name in asked}
    others = {skill.care_occupations for skill in catalogue.skills.concepts if skill.scheme != Scheme.ESCO}
    assert others == {1}
