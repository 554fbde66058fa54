"""The local model server as a process of ours: in the background, or for one trial."""
