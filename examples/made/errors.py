"""
Do the errors hold?
===================

A standard error is to say how far another sample of as many items would land. Here there are other samples: 120 of
them, each with its value and its stated error.
"""

import matplotlib.pyplot as plt
import numpy as np

import foretell

rng = np.random.default_rng(0)
to_a, to_b = rng.standard_normal((6, 128)), rng.standard_normal((3, 128))


def sample() -> foretell.Imbalance:
    """150 fresh items of the same two spaces."""
    meaning = rng.standard_normal((150, 6))
    return foretell.information_imbalance(meaning @ to_a, meaning[:, :3] @ to_b)


found = [sample() for _ in range(120)]
values = np.array([ii.a_to_b for ii in found])
errors = np.array([ii.stderr_a_to_b for ii in found])
covered = np.abs(values - values.mean()) < 1.96 * errors
print(f"standard deviation of the values {values.std(ddof=1):.4f}, mean stated error {errors.mean():.4f}")
print(f"95 % intervals that hold the mean: {100 * covered.mean():.0f} %")

# %%
# Each sample's interval, in order of its value; those in the other colour miss the mean.

figure, ax = plt.subplots(figsize=(5, 3.2), layout="constrained")
place = np.argsort(values)
for held, colour in ((True, "#0072B2"), (False, "#D55E00")):
    chosen = np.flatnonzero(covered[place] == held)
    ax.errorbar(chosen, values[place][chosen], 1.96 * errors[place][chosen], fmt=".", color=colour, linewidth=0.7)
ax.axhline(values.mean(), color="0.3", linewidth=1)
ax.set(xlabel="sample", ylabel="imbalance, A to B")
plt.show()
