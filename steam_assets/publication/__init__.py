"""Publishing data: contracts of the tables, and releases of their rows.

Belongs here: the modules below. ``contracts`` states what a table guarantees, ``release`` writes rows, contracts and
checksums into a folder, ``card`` its description.
"""
