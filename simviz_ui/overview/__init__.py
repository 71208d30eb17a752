"""What the Overview page shows first: findings of the demo gallery."""
