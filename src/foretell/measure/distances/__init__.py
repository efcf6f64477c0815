"""Distances between items: one small protocol, several backends.

`protocol` says what the pairwise reduction needs of a space's distances. `backends` chooses who makes them: `cpu` (our
kernels, and those of numkong) or `torch_products` (matrix products, on a GPU or the processor). `panels` reads spaces
that do not fit into memory, and distances that the caller made.
"""
