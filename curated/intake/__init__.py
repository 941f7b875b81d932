"""From a folder to arrivals: events are hints, the rescan is the truth, and only whole files get through."""
