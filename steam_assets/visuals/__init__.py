"""What people look at: the dashboard, the Tableau extract, exports and the QuickSight refresh."""
