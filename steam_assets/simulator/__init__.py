"""A simulator of Steam and Similarweb: one HTTP server with their endpoints, for demo, tests and benchmarks.

Belongs here: a seeded synthetic market, recorded responses, fault injection; docs/explanation/simulator.md states what
is required and by whom. Does not belong here: the clients.
"""

from steam_assets.simulator.server import Simulator, SimulatorError

__all__ = ["Simulator", "SimulatorError"]
