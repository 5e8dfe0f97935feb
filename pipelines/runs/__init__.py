"""What runs tell of themselves while they go on, and what that says of a workspace."""
