"""Stage `validated`: which rows the platform may build on, and why it set the others aside."""
