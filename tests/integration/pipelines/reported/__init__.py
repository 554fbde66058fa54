"""A pipeline whose node leaves a report."""
