"""Careweave: career progression and skills matching for health and social care.

This package is the shared library and the public client. It never imports a service.
"""

__version__ = "0.1.0"
