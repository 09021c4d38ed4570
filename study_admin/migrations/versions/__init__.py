"""One module per version of the study database; none is changed once it was released."""
