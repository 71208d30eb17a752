"""Findings on the command line: their report, and their commands run again."""
