"""Small components and pipelines for tests: files and numbers, nothing heavy."""
