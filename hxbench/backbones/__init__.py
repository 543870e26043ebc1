"""Pre-trained transformers: loading them, and the map of places in them where an adapter may act."""
