"""
Layers of two models
====================

Two made models of nine layers, the outer ones noisy, so that their curves look like those of real models. Which layers
foretell each other best, and how surely?
"""

import matplotlib.pyplot as plt
import numpy as np

import foretell
from foretell import figures

rng = np.random.default_rng(0)
n_items = 400
known = rng.standard_normal((n_items, 6))
noise = [6.0, 4.0, 2.5, 1.6, 1.5, 1.5, 1.8, 2.5, 4.0]


def made_model() -> list[np.ndarray]:
    """Nine layers, each of what is known and of noise of its own."""
    return [known @ rng.standard_normal((6, 128)) + much * rng.standard_normal((n_items, 128)) for much in noise]


# %%
# One walk over the items measures all layers, with errors and 200 shuffles of the pairs.

first, second = made_model(), made_model()
curve = foretell.imbalance_curve(first, second, null=200)
curve = curve.assign_coords(relative_depth=("layer", np.linspace(0, 1, len(noise))))
best = {direction: foretell.semantic_layers(curve)[direction] for direction in ("a_to_b", "b_to_a")}
for direction, found in best.items():
    print(direction, "lowest at", found.layer, "- may be lowest:", found.confidence_set)

# %%
# Bands are 95 % intervals, the shaded layers are semantic, the line at the top is shuffled pairs.

figure, ax = plt.subplots(figsize=(5, 3.2), layout="constrained")
figures.plot_depth(curve, ax, semantic=best)
ax.legend()
plt.show()

# %%
# Every layer against every other: the diagonal is what the curve showed.

matrix = foretell.imbalance_matrix(first, second)
figure, ax = plt.subplots(figsize=(4, 3.4), layout="constrained")
image = ax.imshow(matrix["imbalance"].sel(direction="a_to_b"), origin="lower", vmin=0, vmax=1, cmap="viridis")
ax.set(xlabel="layer of the second", ylabel="layer of the first", title="A to B")
figure.colorbar(image, label="Information Imbalance")
plt.show()
