"""Arrays in, numbers out: the measure alone, for someone who has two arrays.

The rooms stand in this order, and each imports only those before it:

- `kernels`: compiled code that several rooms call.
- `spaces`: what is measured, and which items are queries and candidates.
- `distances`: distances between items, by several backends.
- `pairwise`: distances of many spaces, block by block, each made once and given to reducers.
- `inference`: standard errors, tests and intervals, from arrays alone.
- `results`: what is returned, and its files.
- `imbalance`: the Information Imbalance, and what is built of it.
- `similarity`: measures beside it, such as CKA.
"""
