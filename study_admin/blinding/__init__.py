"""What keeps the study blind: the draw, the sealed key, and packages that say nothing of an arm."""
