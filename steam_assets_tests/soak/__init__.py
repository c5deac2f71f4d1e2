"""Hours of random faults on real parts: ``make soak``. CI runs the same tests with a few rounds each.

Belongs here: what is tried at random, and the page of figures. Does not belong here: faults at named steps (faults/).
"""
