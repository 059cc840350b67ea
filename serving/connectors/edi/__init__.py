"""Electronic data interchange: orders out and replies in, in X12 004010 and EDIFACT D.96A."""
