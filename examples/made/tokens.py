"""
How many tokens, and which
==========================

Made texts of eight tokens. Every token holds a little of what the text is about, later ones more; neighbouring tokens
also share what is theirs alone.
"""

import matplotlib.pyplot as plt
import numpy as np

import foretell
from foretell import figures

rng = np.random.default_rng(0)
n_items, n_tokens, width = 400, 8, 64
about = rng.standard_normal((n_items, 6))


def made_text() -> foretell.BinarySpace:
    """Activations of shape (items, tokens, width), as sign bits."""
    own = rng.standard_normal((n_items, n_tokens + 1, width))
    local = own[:, 1:] + own[:, :-1]
    weight = np.linspace(0.2, 0.6, n_tokens)[:, None]
    return foretell.BinarySpace.from_activations(local + weight * (about @ rng.standard_normal((6, width)))[:, None])


text, translation = made_text(), made_text()

# %%
# The last token alone, the last two, and so on: meaning is spread over many.

curve = foretell.token_curve(text, translation)
figure, ax = plt.subplots(figsize=(5, 3.2), layout="constrained")
figures.plot_token_curve(curve, ax)
ax.legend()
plt.show()

# %%
# Token against token within the text: neighbours foretell each other by what they share locally.

within = foretell.token_map(text)
figure, ax = plt.subplots(figsize=(3.6, 3.2), layout="constrained")
figures.plot_token_map(within, ax, direction="a_to_b")
figure.colorbar(ax.images[0], label="Information Imbalance")
plt.show()
