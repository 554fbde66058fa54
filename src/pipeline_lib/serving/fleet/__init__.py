"""The servers of a profile: what they serve, what they are told, what they must answer."""
