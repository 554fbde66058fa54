"""A pipeline whose nodes do all that the library does on Beam."""
