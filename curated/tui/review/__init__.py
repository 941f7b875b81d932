"""The parts of the review screen: the panel beside the picture, the filmstrip below, and how its lists are read."""
