"""The pairwise reduction: distances of many spaces, each made once, and everything measured read off them.

**The idea.** To compare spaces A1, A2, ... with B1, B2, ... one needs the distances within each space, not one set of
distances for each pair. N x N distances of all spaces rarely fit into memory, so the queries are taken in blocks of
rows. For one block, the distances from its queries to all candidates are made in every space. Whatever is measured of
any pair of spaces is read off them. Then the block is forgotten:

.. code-block:: text

                    candidates 1 ... N              reducers
                 +---------------------+
    block 1      | space A1   distances|----+--> neighbours in A1, their ranks in B1 and B2, ...
    (queries     | space B1   distances|----|--> products of distances, for CKA, ...
     1 ... 512)  | space B2   distances|----+      each keeps sums; none keeps distances
                 +---------------------+
    block 2      | the same, for the next queries
       ...

    for block in blocks:                   # PairwiseReduction.run
        for space in spaces:               # each once
            space.fill(...)                # Distances -> a kernel
        for reducer in reducers:
            reducer.update(block)

A *reducer* (`reduction.Reducer`) is all that the reduction knows of what is measured. A *pass* is one run over all
blocks. A null needs the neighbours of all queries first, and so a second pass. *Steps* add to the same block: the
distances of several tokens together are the sum over the tokens, so a curve over 1 to T tokens costs the T tokens
once each.

**The cost.** S spaces of N items and D bits take S N^2 D comparisons of bits, half of that where all queries fit into
one block and every item is a candidate: then only the pairs on one side of the diagonal are taken, and the block is
kept for the next pass. Reading a pair of spaces costs N k look-ups, and N^2 k comparisons for errors.

**What fits into memory** is decided before anything is computed, as plain data: `reduction.Blocks` says how many rows a
block has and how spaces are read that are not in memory; `passes.batches` says which pairs share a pass. This machine
and the workers of a cluster take the same list of passes.

**Why no result depends on threads, memory or workers.** What reducers sum are whole numbers, or floats summed tile by
tile of 64 rows in the order of the rows. Blocks are whole tiles. Threads and workers get whole tiles, whole spaces or
separate columns, and their sums are added in the order of the rows. So the same numbers are added in the same order,
however high a block is and whoever makes it. `tests/measure/pairwise` and `tests/measure/test_stress_callers.py` hold
this to the last bit.
"""
