"""What authors write: components, pipelines, conditions, loops, resolvers."""
