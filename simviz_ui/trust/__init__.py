"""The Trust page: what was measured of a network's maps on a gallery."""
