"""Results as figures, and what figures share: the grid of panels, captions, the style, matrices."""
