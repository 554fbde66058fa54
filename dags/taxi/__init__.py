"""The Chicago taxi example: TFX's own user module and data, run by this library."""
