"""What deploying SimViz needs, and what checks it."""
