"""Games with a known answer: where a map should point is known beforehand."""
