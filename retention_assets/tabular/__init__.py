"""`retention train-table`: the same learning machinery on any flat labeled table."""
