"""Abbreviations that British health and social care writes without spelling them out.

Written down by this project from common usage, without an official list at hand; corrections are welcome. Where an
abbreviation means several things, the one that role descriptions use is taken.
"""

import re
from typing import Final

MEANINGS: Final = {
    "ACP": "advanced clinical practitioner",
    "ADL": "activities of daily living",
    "ADLs": "activities of daily living",
    "AHP": "allied health professional",
    "AHPs": "allied health professionals",
    "AMHP": "approved mental health professional",
    "ANP": "advanced nurse practitioner",
    "ASC": "adult social care",
    "BLS": "basic life support",
    "CAMHS": "child and adolescent mental health services",
    "CBT": "cognitive behavioural therapy",
    "CCA": "community care assistant",
    "CHC": "continuing healthcare",
    "CMHT": "community mental health team",
    "CNS": "clinical nurse specialist",
    "COSHH": "control of substances hazardous to health",
    "CPN": "community psychiatric nurse",
    "CPR": "cardiopulmonary resuscitation",
    "CQC": "care quality commission regulation",
    "CYP": "children and young people",
    "DBS": "criminal record check",
    "DN": "district nurse",
    "DoLS": "deprivation of liberty safeguards",
    "ECG": "electrocardiogram",
    "EHR": "electronic health records",
    "EMT": "emergency medical technician",
    "EoL": "end of life",
    "EOLC": "end of life care",
    "FNP": "family nurse practitioner",
    "GP": "general practitioner",
    "HCA": "healthcare assistant",
    "HCAs": "healthcare assistants",
    "HCSW": "healthcare support worker",
    "HR": "human resources",
    "HV": "health visitor",
    "IAPT": "talking therapies",
    "IPC": "infection prevention and control",
    "LD": "learning disability",
    "LSA": "learning support assistant",
    "MCA": "mental capacity act",
    "MDT": "multidisciplinary team",
    "MSW": "maternity support worker",
    "NA": "nursing associate",
    "OT": "occupational therapist",
    "OTA": "occupational therapy assistant",
    "OTs": "occupational therapists",
    "PA": "personal assistant",
    "PBS": "positive behaviour support",
    "PEG": "percutaneous endoscopic gastrostomy feeding",
    "PMVA": "prevention and management of violence and aggression",
    "PPE": "personal protective equipment",
    "PT": "physiotherapist",
    "QA": "quality assurance",
    "RGN": "registered general nurse",
    "RM": "registered midwife",
    "RMN": "registered mental health nurse",
    "RN": "registered nurse",
    "RNLD": "registered learning disability nurse",
    "RSCN": "registered children's nurse",
    "SALT": "speech and language therapist",
    "SEN": "special educational needs",
    "SEND": "special educational needs and disability",
    "SLT": "speech and language therapist",
    "SNA": "student nursing associate",
    "SW": "social worker",
    "TNA": "trainee nursing associate",
    "VCSE": "voluntary, community and social enterprise",
}
"""Abbreviation as it is written → what it means. Plurals only where they are common."""

SINGLE_WORDS: Final = {
    "carer": "care worker",
    "carers": "care workers",
    "domiciliary": "home care",
    "dom care": "home care",
    "meds": "medication",
    "obs": "clinical observations",
    "physio": "physiotherapist",
    "psych": "psychology",
    "rehab": "rehabilitation",
}
"""Short and British words → what taxonomies say."""

_BY_FOLD: Final = {short.casefold(): meaning for short, meaning in MEANINGS.items()} | SINGLE_WORDS
_SHORT_TEXT: Final = 40
"""Characters up to which a text is a title or a question, where people do not trouble with capitals."""
_WRITTEN: Final = re.compile(
    r"\b(?:" + "|".join(sorted(map(re.escape, (*MEANINGS, *SINGLE_WORDS)), key=len, reverse=True)) + r")\b"
)
_TYPED: Final = re.compile(_WRITTEN.pattern, re.IGNORECASE)
_ALSO_WORDS: Final = re.compile(r"\b(?:na|pa|pt|ld|rm|hr|salt|send|peg|hv|sw|dn)\b")
"""Abbreviations that in small letters are, or look like, other words."""


def in_full(text: str) -> str:
    """Return `text` with each abbreviation replaced by its meaning: "HCA nights" → "healthcare assistant nights".

    In a short text abbreviations count in small letters too, unless they are words of their own.
    """
    short = len(text) <= _SHORT_TEXT
    return (_TYPED if short else _WRITTEN).sub(_meaning, text)


def _meaning(found: re.Match[str]) -> str:
    written = found.group()
    return written if _ALSO_WORDS.fullmatch(written) else _BY_FOLD[written.casefold()]
