"""The Errors page: which queries find another class first, and what they are taken for."""
