"""Changes of what is live, as transactions."""
