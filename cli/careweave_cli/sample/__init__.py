"""The sample place: fictional organisations, people and opportunities in a real geography.

Everything follows from a seed and a day; `make_place` builds it, `load_sample` sends it to the services.
"""

from careweave_cli.sample.loader import SampleSummary, load_sample
from careweave_cli.sample.place import SamplePlace, make_place

__all__ = ["SamplePlace", "SampleSummary", "load_sample", "make_place"]
