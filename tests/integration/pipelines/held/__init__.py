"""A pipeline whose middle node works until it is told to go on: to be killed, watched, run beside another."""
