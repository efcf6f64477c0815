"""
What symmetric measures do not say
==================================

B is made of a part of A. CKA, shared neighbours and correlations of distances say how alike they are, in one number;
the imbalance says which of them foretells the other.
"""

import matplotlib.pyplot as plt
import numpy as np

import foretell

rng = np.random.default_rng(0)
meaning = rng.standard_normal((400, 8))
a = {"A": meaning @ rng.standard_normal((8, 256))}
parts = {str(known): meaning[:, :known] @ rng.standard_normal((known, 256)) for known in range(1, 9)}

alike = foretell.similarity_matrix(a, parts, k=10)["similarity"].squeeze("a")
foretold = foretell.imbalance_matrix(a, parts, errors=False)["imbalance"].squeeze("a")
print(alike.to_pandas().round(2))
print(foretold.to_pandas().round(2))

# %%
# All that is on the left is symmetric. On the right the two ways part wherever one side knows more.

figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3.2), layout="constrained")
for measure, style in (("cka", "o-"), ("mutual_knn", "s-"), ("rsa_spearman", "x--")):
    left.plot(range(1, 9), alike.sel(measure=measure), style, label=measure)
for direction, style in (("a_to_b", "o-"), ("b_to_a", "s--")):
    right.plot(range(1, 9), foretold.sel(direction=direction), style, label=direction)
left.set(xlabel="things that B knows", ylabel="similarity (1: alike)", ylim=(0, 1))
right.set(xlabel="things that B knows", ylabel="imbalance (0: foretold)", ylim=(0, 1))
left.legend()
right.legend()
plt.show()
