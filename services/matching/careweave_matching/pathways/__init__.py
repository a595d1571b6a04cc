"""Pathways: from where somebody stands to another occupation, over steps that can be taken."""
