"""What English job titles of health and social care are called in ESCO, where the words differ.

Chosen by comparing duties: NHS Health Careers and Skills for Care for the English side, ESCO's descriptions for
the other. A test sees to it that every ESCO label exists.
"""

from typing import Final

CONFIDENCE: Final = 0.9

STANDARDS: Final = {
    "Adult care worker": ("care at home worker", "residential home adult care worker", "adult community care worker"),
    "Lead adult care worker": ("residential home adult care worker", "adult community care worker"),
    "Leader in adult care": ("elderly home manager", "social services manager"),
    "Healthcare support worker": ("healthcare assistant",),
    "Senior healthcare support worker": ("healthcare assistant",),
    "Assistant practitioner": ("healthcare assistant",),
    "Healthcare assistant practitioner": ("healthcare assistant",),
    "Healthcare science assistant": ("medical laboratory assistant",),
    "Nursing associate": ("nurse assistant",),
    "Registered nurse": ("nurse responsible for general care",),
    "Community nurse specialist practitioner": ("specialist nurse",),
    "Specialist community public health nurse": ("specialist nurse",),
    "District nurse": ("specialist nurse",),
    "Advanced clinical practitioner": ("advanced nurse practitioner",),
    "Doctor": ("general practitioner", "specialised doctor"),
    "Physician associate": ("doctors' surgery assistant",),
    "Operating department practitioner": ("anaesthetic technician",),
    "Sonographer": ("diagnostic radiographer",),
    "Dental nurse": ("dental chairside assistant",),
    "Hearing aid dispenser": ("audiologist",),
    "Ambulance support worker": ("emergency ambulance driver",),
    "Associate ambulance practitioner": ("emergency ambulance driver",),
    "Peer worker": ("mental health support worker",),
    "Community health and wellbeing worker": ("community health worker",),
    "Early intervention practitioner": ("family support worker",),
    "Domestic and sexual abuse support worker": ("victim support officer",),
    "Children, young people and families practitioner": ("family support worker", "child care worker"),
    "Children, young people and families manager": ("youth centre manager", "child day care centre manager"),
    "Playworker": ("child care worker",),
    "Vision rehabilitation specialist": ("rehabilitation support worker",),
    "Cleaning hygiene operative": ("building cleaner",),
}
"""Title of a standard, without what stands in brackets, to ESCO's preferred labels."""

ROLES: Final = {
    "New to care": ("care at home worker", "residential home adult care worker"),
    "Care or support worker": ("care at home worker", "residential home adult care worker", "social care worker"),
    "Enhanced care worker": ("social care worker", "healthcare assistant"),
    "Practice leader": ("social care worker",),
    "Deputy manager": ("elderly home manager",),
    "Registered manager": ("elderly home manager", "social services manager"),
}
"""Role category of the care pathway to ESCO's preferred labels. A category is wider than any of them."""
ROLE_CONFIDENCE: Final = 0.7
