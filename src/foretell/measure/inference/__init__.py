"""Statistics of imbalances, from arrays alone: no space and no model is known here.

`influence` has what each item adds to a value. From it come `standard_errors` (of one value, or
of many with their covariances), `contrasts`, `p_values` (their own, and those against permutations), and the `minimum`
of a curve. Measures without influence take `halves`.
"""
