"""A user's file → sentences without tags → the file with tags."""
