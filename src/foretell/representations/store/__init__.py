"""The on-disk format of sign bits; docs/store.md is its specification.

`token_rules` and `recordings` say what is kept of a layer. They stand here, not with extraction, since the format names
them.
"""
