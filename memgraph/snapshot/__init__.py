"""The seam between graph and models: bounded excerpts of the memory as columns."""
