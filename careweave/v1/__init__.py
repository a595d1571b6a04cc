"""Stubs generated from `protos/careweave/v1` by `make protos`; never edited by hand."""
