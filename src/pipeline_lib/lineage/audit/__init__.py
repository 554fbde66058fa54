"""The audit report of a model: content, page, signature."""
