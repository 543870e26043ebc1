"""Text → tensors: tokens and the words they are of, masking, collation."""
