"""Distances of row blocks: one small protocol, several backends."""
