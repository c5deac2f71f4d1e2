"""The outputs for people: the dashboard, the Tableau extract, exports and the QuickSight refresh."""
