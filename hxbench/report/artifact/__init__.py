"""Tables and figures without any output format: cells, marks, footnotes, the numbers that a paper prints."""
