"""What a user would write instead: scripts that run as separate processes and do not import this package."""
