"""Training: the loop, checkpoints and cost meters."""
