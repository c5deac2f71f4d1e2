"""A simulator of Steam and Similarweb: one HTTP server with their endpoints, for demo, tests and load.

Belongs here: a seeded synthetic market, recorded responses, faults on demand. Does not belong here: the clients.
"""

from steam_assets.simulator.server import Simulator, SimulatorError, serve

__all__ = ["Simulator", "SimulatorError", "serve"]
