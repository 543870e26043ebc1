"""The stages a command drives, each from the parts that come before it in the data flow."""
