"""The coordinator's and the analyst's side: design, blinding, collection, unblinding, statistics."""
