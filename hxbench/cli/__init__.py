"""The command line: one file a stage, parsing and printing only; heavy imports stay inside the commands."""
