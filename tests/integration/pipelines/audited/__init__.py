"""A pipeline with a model, a verdict and a push, and nothing heavy in them."""
