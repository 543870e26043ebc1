"""What is done with a run, each from what comes before it in the data flow, and who does it (`scheduler`)."""
