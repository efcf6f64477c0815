"""
Two arrays, both ways
=====================

Who knows more foretells better. A knows eight things of every item, B knows from one to eight of them: the imbalance
from A to B is the lower one, and that from B to A comes down to it as B learns.
"""

import matplotlib.pyplot as plt
import numpy as np

import foretell

rng = np.random.default_rng(0)
meaning = rng.standard_normal((500, 8))
a = meaning @ rng.standard_normal((8, 512))

# %%
# Floats become sign bits, and every value has its standard error.

measured = {}
for known in range(1, 9):
    b = meaning[:, :known] @ rng.standard_normal((known, 512))
    measured[known] = foretell.information_imbalance(a, b)
print(measured[3])

# %%
# Bars are 95 % intervals. Where B knows all that A knows, the two ways meet.

figure, ax = plt.subplots(figsize=(5, 3.2), layout="constrained")
for name, label, style in (("a_to_b", "A to B", "o-"), ("b_to_a", "B to A", "s--")):
    values = [getattr(ii, name) for ii in measured.values()]
    errors = [1.96 * getattr(ii, f"stderr_{name}") for ii in measured.values()]
    ax.errorbar(list(measured), values, errors, fmt=style, capsize=2, label=label)
ax.set(xlabel="things that B knows, of A's eight", ylabel="Information Imbalance", ylim=(0, 1))
ax.legend()
plt.show()
