"""Compiled code: packed signs, distances, order of distances, nearest candidates, ranks, outranking counts.

`llvm` has the instructions that the two `vector_` modules are written in; the other modules are loops over rows,
compiled by numba. A kernel that one measure alone needs stays beside that measure.
"""
