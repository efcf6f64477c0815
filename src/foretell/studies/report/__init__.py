"""One page for a browser: results to look at, in a single file that asks nothing of any network."""
