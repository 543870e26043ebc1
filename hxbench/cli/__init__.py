"""The command line: parsing and printing only; heavy imports stay inside the commands."""
