"""
It falls with the number of items
=================================

The same two spaces, seen with more and more items. Nothing about them changes but n, and the value falls, most where
it is low: nearest neighbours get nearer. So only results of equal n are compared.
"""

import matplotlib.pyplot as plt
import numpy as np

import foretell

rng = np.random.default_rng(0)
meaning = rng.standard_normal((1600, 8))
a = meaning @ rng.standard_normal((8, 256))
b = meaning[:, :4] @ rng.standard_normal((4, 256))

by_n = foretell.imbalance_by_n(a, b)
print(by_n["imbalance"].to_pandas().round(3))

figure, ax = plt.subplots(figsize=(5, 3.2), layout="constrained")
for direction, curve in by_n.groupby("direction"):
    ax.errorbar(by_n["n"], curve["imbalance"].squeeze(), curve["stderr"].squeeze(), marker="o", label=str(direction))
ax.set(xscale="log", xlabel="n", ylabel="Information Imbalance", ylim=(0, None))
ax.legend()
plt.show()

# %%
# Fewer queries is another matter: 100 items asked against all others estimate the same number, less surely.

for queries in (100, 400, 1600):
    found = foretell.imbalance_curve({"0": a}, {"0": b}, queries=queries).sel(direction="a_to_b").squeeze()
    value, stderr = float(found["imbalance"]), float(found["stderr"])
    print(f"{queries:5d} queries, n = {found.attrs['n']}: {value:.3f} +- {stderr:.3f}")
