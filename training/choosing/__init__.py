"""Learning to choose among objects from layouts alone: no image is looked at."""
