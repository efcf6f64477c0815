"""Distances between items: one small protocol, several backends.

`protocol` says what the pairwise reduction needs of a space's distances. `backends` chooses who makes them: `cpu` (our
kernels), `torch_products` (matrix products, on a GPU or the processor), `numkong_bits` (another library's kernels), or
`precomputed` (the caller's own distances). `panels` reads spaces that do not fit into memory.
"""
