"""Which stored runs make a cell, what is left out and why, and what would make the missing ones."""
