"""What users have run: their own experiments and their own data, beside no published numbers."""
