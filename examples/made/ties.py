"""
Ties, and what they do to a convention
======================================

Spaces of few bits have many equal distances. Two independent ones say nothing of each other, so a measure should read
1. The convention ``adjusted`` does at any number of bits; that of the paper counts tied ranks from their lowest, and
reads low where ties are dense.
"""

import matplotlib.pyplot as plt
import numpy as np

import foretell

rng = np.random.default_rng(0)
n_items, n_bits = 300, [8, 16, 32, 64, 128, 512, 2048]

read: dict[str, list[float]] = {"adjusted": [], "paper": []}
for bits in n_bits:
    pairs = [(rng.random((n_items, bits)) < 0.5, rng.random((n_items, bits)) < 0.5) for _ in range(6)]
    for convention, values in read.items():
        found = [foretell.information_imbalance(a, b, convention=convention).a_to_b for a, b in pairs]
        values.append(float(np.mean(found)))

for convention, values in read.items():
    print(convention, dict(zip(n_bits, np.round(values, 2).tolist(), strict=True)))

# %%
# Means over six pairs of spaces.

figure, ax = plt.subplots(figsize=(5, 3.2), layout="constrained")
for (convention, values), style in zip(read.items(), ("o-", "s--"), strict=True):
    ax.plot(n_bits, values, style, label=convention)
ax.axhline(1, color="0.6", linewidth=1)
ax.set(xscale="log", xlabel="bits", ylabel="imbalance of independent spaces", ylim=(0, 1.1))
ax.legend()
plt.show()
