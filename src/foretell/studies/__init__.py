"""Questions in; answers, figures and a page out."""
