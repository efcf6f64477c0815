"""Distances between items: one small protocol, several backends.

Distances are added to what an array holds, since those of a concatenation of tokens are sums over its tokens. They are
whole numbers for bits (how many differ) and floats for floats; the pairwise reduction makes of either what ranks need.
`reading` says what the reduction needs of a space's distances, and reads spaces that do not fit into memory. `backends`
chooses what makes them: `cpu` (our kernels, and those of numkong) or `torch_products` (matrix products, on a GPU or the
processor).
"""
