from datetime import date

import pytest
from careweave_cli.sample.place import SamplePlace, make_place

TODAY = date(2026, 3, 2)


@pytest.fixture(scope="session")
def place() -> SamplePlace:
    """Return the sample of the seed that `careweave load sample` uses, made once for all tests."""
    return make_place(7, TODAY)


@pytest.fixture(scope="session")
def today() -> date:
    return TODAY
