"""Every form of the authoring language, run."""
