"""Executing plans: resolve, look up, execute, publish; the executor host; the local runner."""
