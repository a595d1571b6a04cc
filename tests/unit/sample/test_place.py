import csv
import hashlib
import subprocess
import sys
from collections import Counter
from datetime import date, timedelta

from careweave_cli.sample.geography import RURALITY_SOURCE
from careweave_cli.sample.place import OPPORTUNITIES, PEOPLE, SamplePlace, make_place
from google.protobuf.message import Message

from careweave.datasets import folder
from careweave.v1 import profiles_pb2


def digest(place: SamplePlace) -> str:
    """Return a digest of everything in `place`."""
    messages: list[Message] = [*place.places, *place.organisations, *place.hubs]
    messages += [one.opportunity for one in place.opportunities]
    messages += [part for one in place.people for part in (one.person, *one.consents)]
    whole = hashlib.sha256()
    for message in messages:
        whole.update(message.SerializeToString(deterministic=True))
    return whole.hexdigest()


def test_the_same_seed_and_day_give_the_same_bytes_in_another_process() -> None:
    """Nothing depends on the hash seed, the clock or the order of a set."""
    script = (
        "from datetime import date; from careweave_cli.sample.place import make_place\n"
        "from tests.unit.sample.test_place import digest\n"
        "print(digest(make_place(3, date(2026, 3, 2), people=150, opportunities=60)))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", script], env={"PYTHONHASHSEED": seed}, check=True, capture_output=True, text=True
        ).stdout
        for seed in ("1", "2")
    }
    assert printed == {digest(make_place(3, date(2026, 3, 2), people=150, opportunities=60)) + "\n"}


def test_another_seed_makes_another_place(place: SamplePlace, today: date) -> None:
    other = make_place(8, today, people=100, opportunities=40)
    assert {one.person_id for one in other.people}.isdisjoint(one.person_id for one in place.people)
    assert other.people[0].person.skills != place.people[0].person.skills


def test_on_another_day_the_same_people_have_the_same_ids(place: SamplePlace, today: date) -> None:
    later = make_place(7, today + timedelta(days=40), people=60, opportunities=40)
    assert [one.person_id for one in later.people] == [one.person_id for one in place.people[:60]]


def test_the_place_has_as_many_of_each_as_it_promises(place: SamplePlace) -> None:
    assert len(place.organisations) == 45
    assert len(place.people) == PEOPLE == 2000
    assert len(place.opportunities) == OPPORTUNITIES == 400
    ids = [one.person_id for one in place.people] + [one.opportunity_id for one in place.opportunities]
    assert len(set(ids)) == 2400


def test_everybody_and_every_organisation_is_marked_as_fictional(place: SamplePlace) -> None:
    assert all(one.person.fictional for one in place.people)
    assert all(one.opportunity.fictional for one in place.opportunities)
    assert all(one.fictional for one in place.organisations)
    assert all(one.fictional for one in place.hubs)
    assert all(one.person.email.endswith("@example.org") for one in place.people)


def test_no_organisation_bears_the_name_of_a_real_trust(place: SamplePlace) -> None:
    with (folder("uk-geo") / "nhs-trusts-etr.csv").open(encoding="utf-8", newline="") as file:
        real = {row[1].casefold() for row in csv.reader(file)}
    assert real.isdisjoint(one.title.casefold() for one in place.organisations)


def test_all_sectors_are_there_and_home_care_has_most_organisations(place: SamplePlace) -> None:
    sectors = Counter(one.sector for one in place.organisations)
    assert set(sectors) == set(profiles_pb2.Sector.values()) - {profiles_pb2.SECTOR_UNSPECIFIED}
    assert sectors.most_common(1)[0][0] == profiles_pb2.SECTOR_HOME_CARE


def test_districts_are_real_rural_and_urban_and_say_that_their_rurality_is_synthetic(place: SamplePlace) -> None:
    with (folder("uk-geo") / "outcodes.csv").open(encoding="utf-8", newline="") as file:
        real = {row["postcode"]: row for row in csv.DictReader(file)}
    districts = [one for one in place.places if one.level == profiles_pb2.PLACE_LEVEL_NEIGHBOURHOOD]
    for one in districts:
        row = real[one.name.removeprefix("places/")]
        assert one.centre.latitude == float(row["latitude"])
        assert one.rurality_source == RURALITY_SOURCE == "synthetic"
    homes = Counter(one.person.place for one in place.people)
    for rurality in (profiles_pb2.RURALITY_RURAL, profiles_pb2.RURALITY_URBAN, profiles_pb2.RURALITY_TOWN_AND_FRINGE):
        assert sum(homes[one.name] for one in districts if one.rurality == rurality) > 150


def test_places_lie_within_one_another_up_to_the_region_and_come_after_what_they_lie_in(place: SamplePlace) -> None:
    seen: dict[str, profiles_pb2.Place] = {}
    for one in place.places:
        assert one.level == profiles_pb2.PLACE_LEVEL_REGION or seen[one.within].level == one.level + 1
        seen[one.name] = one


def test_hubs_have_hublets_and_one_is_virtual(place: SamplePlace) -> None:
    assert [one.name for one in place.hubs if not one.parent] == ["hubs/wealdshire-learning-hub"]
    assert [one.name for one in place.hubs if one.virtual] == ["hubs/online-hublet"]
    organisations = {one.name for one in place.organisations}
    assert all(one.organisation in organisations for one in place.hubs)
