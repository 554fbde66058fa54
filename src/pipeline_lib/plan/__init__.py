"""The compiled pipeline as frozen data."""
