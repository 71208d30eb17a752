"""Inspection: how a network embeds, found out by watching it run, and verified."""
