"""What a replica does before it says that it is ready."""

import subprocess
import sys

REHEARSED = """
import asyncio
from careweave_matching.building import rehearse
from careweave_matching.compiled.page import write_items, write_page
from careweave_matching.compiled.ranking import rank
from tests.unit.matching.world import TODAY, a_person, an_index, an_opportunity

index = an_index()
rehearse(index, TODAY)
print([len(function.signatures) for function in (rank, write_page, write_items)])
asyncio.run(index.put_opportunities([an_opportunity()]))
asyncio.run(index.put_people([a_person()], TODAY))
rehearse(index, TODAY)
print([len(function.signatures) for function in (rank, write_page, write_items)])
"""


def test_all_that_ranking_needs_is_compiled_even_where_nobody_is_there_yet() -> None:
    """In a process of its own, since here other tests have compiled it."""
    done = subprocess.run([sys.executable, "-c", REHEARSED], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["[1, 1, 1]", "[1, 1, 1]"], done.stderr
