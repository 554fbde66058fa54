"""Predict, before departure, whether a flight will arrive more than 15 minutes late."""
