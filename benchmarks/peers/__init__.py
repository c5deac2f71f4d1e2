"""What a user would write instead: scripts that are run as processes of their own and know nothing of this package."""
