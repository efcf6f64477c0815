"""
Pairs that slipped
==================

One row is missing in the middle of one side. The imbalance is then near 1, as if nothing were shared, and
``foretell.diagnose`` finds where.
"""

import matplotlib.pyplot as plt
import numpy as np

import foretell

rng = np.random.default_rng(0)
meaning = rng.standard_normal((400, 6))
a = meaning @ rng.standard_normal((6, 256)) + rng.standard_normal((400, 256))
b = meaning @ rng.standard_normal((6, 256)) + rng.standard_normal((400, 256))
slipped = np.delete(b, 150, axis=0)
shorter = a[:-1]  # what one does to make them equal in length, wrongly

print(foretell.information_imbalance(shorter, slipped))

# %%
# What is wrong, on what evidence, and what to do.

found = foretell.diagnose(shorter, slipped)
print(found)

# %%
# An item is foretold where it and its nearest neighbour both stand before the gap. All others are left to chance.

each = foretell.item_imbalance(shorter, slipped).sel(direction="a_to_b")
figure, ax = plt.subplots(figsize=(5, 3.2), layout="constrained")
ax.plot(each["imbalance"].values, ".", markersize=3)
ax.axvline(150, color="0.5", linewidth=1)
ax.set(xlabel="item", ylabel="what it adds to the imbalance")
plt.show()
