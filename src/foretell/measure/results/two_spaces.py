"""What the measure of two spaces gives back: a small frozen object."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foretell.measure.inference.standard_errors import critical


@dataclass(frozen=True)
class Imbalance:
    """Information Imbalance between two spaces, both ways.

    Attributes
    ----------
    a_to_b, b_to_a : float
        0: the neighbours in the first space are those in the second, it foretells it; 1: it says nothing.
    asymmetry : float
        ``a_to_b - b_to_a``; negative: A predicts B better than B predicts A.
    stderr_a_to_b, stderr_b_to_a, stderr_asymmetry : float
        Dyadic-robust standard errors (`foretell.measure.inference`).
    n : int
        Candidates that a query has. The imbalance falls with n: compare equal n only.
    n_items, k : int
    metric, convention : str
    """

    a_to_b: float
    b_to_a: float
    asymmetry: float
    stderr_a_to_b: float
    stderr_b_to_a: float
    stderr_asymmetry: float
    n: int
    n_items: int
    k: int
    metric: str
    convention: str

    @property
    def _verdict(self) -> str:
        if self.asymmetry == 0:
            return "neither way is better"
        if np.isnan(self.stderr_asymmetry):
            return "too few items for an error"
        margin = critical(self.n_items) * self.stderr_asymmetry
        if abs(self.asymmetry) <= margin:
            return f"not resolved: 95 % from {self.asymmetry - margin:+.3f} to {self.asymmetry + margin:+.3f}"
        return "A predicts B better" if self.asymmetry < 0 else "B predicts A better"

    def __repr__(self) -> str:
        return (
            f"Imbalance(n={self.n}, n_items={self.n_items}, k={self.k}, metric={self.metric!r}, "
            f"convention={self.convention!r})\n"
            f"  A -> B     {self.a_to_b:.4f} +- {self.stderr_a_to_b:.4f}   "
            "neighbours in A, ranks in B (0: A predicts B, 1: it says nothing)\n"
            f"  B -> A     {self.b_to_a:.4f} +- {self.stderr_b_to_a:.4f}   neighbours in B, ranks in A\n"
            f"  asymmetry {self.asymmetry:+.4f} +- {self.stderr_asymmetry:.4f}   {self._verdict}"
        )
