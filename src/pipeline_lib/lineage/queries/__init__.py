"""Questions to the store: walks up and down, what was live when, what something reached, search."""
