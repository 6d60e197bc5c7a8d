"""The figures of the paper and those that it lacks: one module each, found by its name in paper/figures.yaml."""
