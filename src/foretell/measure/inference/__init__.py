"""Statistics of imbalances, from arrays alone: no space and no model is known here.

`influence` has what each item adds to a value. From it come `variance` (of one value), `standard_errors` (of many, with
their covariances), `contrasts`, `multiple_testing`, and the `minimum` of a curve. Measures without influence take
`halves`; `permutations` are what nulls are made of.
"""
