"""Hours of random faults on real parts: ``make soak``. CI runs the same tests with a few rounds each.

Belongs here: random trials and the page of figures. Does not belong here: faults at named steps (faults/).
"""
