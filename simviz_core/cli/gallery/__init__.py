"""Commands about a gallery as a whole."""
