"""SimViz: which regions of two images make a similarity network find them similar."""

__version__ = "0.1.0"
