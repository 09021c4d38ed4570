"""A site's own ensemble: `own_ensemble` from subjects to folder, `fitting` of one network, `recipes` of all numbers."""
