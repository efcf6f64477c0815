"""The on-disk format of sign bits; docs/store.md is its specification.

`recordings` says what is kept of a layer. It stands here, not with extraction, since the format names it.
"""
