"""Distances of many spaces, a block of queries at a time, each made once and read by reducers.

`blocks` says what a block holds and what a reducer is; `reduction` makes the blocks within a budget of memory; `passes`
decides which pairs of spaces share one pass.
"""
