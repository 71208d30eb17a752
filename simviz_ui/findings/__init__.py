"""Findings on the pages: keeping a view, the list of those kept, files and the report."""
