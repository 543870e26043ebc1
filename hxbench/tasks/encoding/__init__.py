"""Text → tensors: word-piece alignment, masking, collation."""
