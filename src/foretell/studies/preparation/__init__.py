"""From a study to a store a side: pairs, items, models, and what is known of them already."""
