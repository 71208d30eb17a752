"""Many sessions at once on a large gallery: how long interactions take, and what goes wrong."""
