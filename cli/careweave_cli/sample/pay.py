"""Pay bands of the sample, full-time pounds a year from the first point to the last.

Sources: NHS Agenda for Change for England from 1 April 2025 (NHS Employers, pay scales 2025/26). Local
government (NJC) points from 1 April 2025, rounded to the hundred. Adult social care has no national
scale: the figures lie where Skills for Care's reports and the National Living Wage of April 2025
(12.21 pounds an hour, 37.5 hours) put them.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Band:
    """A pay band: its name, and pounds a year for full-time hours."""

    name: str
    least: int
    most: int


BANDS: Final = {
    "AfC 2": Band("AfC 2", 24465, 24465),
    "AfC 3": Band("AfC 3", 24937, 26598),
    "AfC 4": Band("AfC 4", 27485, 30162),
    "AfC 5": Band("AfC 5", 31049, 37796),
    "AfC 6": Band("AfC 6", 38682, 46580),
    "AfC 7": Band("AfC 7", 47810, 54710),
    "AfC 8a": Band("AfC 8a", 55690, 62682),
    "NJC 7": Band("NJC 7", 26400, 28100),
    "NJC 12": Band("NJC 12", 28600, 30500),
    "NJC 18": Band("NJC 18", 31500, 34400),
    "NJC 28": Band("NJC 28", 39200, 42800),
    "NJC 30": Band("NJC 30", 40800, 44700),
    "NJC 32": Band("NJC 32", 42800, 46700),
    "NJC 34": Band("NJC 34", 44700, 48700),
    "support": Band("support staff rate", 23900, 25000),
    "care worker": Band("care worker rate", 24000, 25400),
    "senior care worker": Band("senior care worker rate", 25400, 27400),
    "care coordinator": Band("care coordinator salary", 26500, 29500),
    "team leader": Band("team leader salary", 27000, 30500),
    "practice lead": Band("practice lead salary", 29000, 33500),
    "registered manager": Band("registered manager salary", 38000, 46000),
    "care home nurse": Band("care home nurse rate", 39500, 44500),
    "practice reception": Band("practice reception rate", 24000, 25600),
    "practice manager": Band("practice manager salary", 44000, 54000),
    "doctor": Band("salaried GP range", 76000, 105000),
    "lecturer": Band("lecturer scale", 36000, 47000),
}
