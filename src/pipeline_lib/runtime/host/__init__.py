"""The executor host: a warm process that forks one child per execution."""
