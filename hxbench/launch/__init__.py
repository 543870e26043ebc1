"""Running many specs: here, one after the other or several at a time."""
