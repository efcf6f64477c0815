"""The Information Imbalance: its public functions, and what is built of them.

`information_imbalance` has the functions most people call. `cells` turns what was measured into a labelled dataset. The
value itself is computed in `estimation`.
"""
