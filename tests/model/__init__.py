"""The model: a store and a cache's collection in memory behind the production ports, for seeded simulation.

One contract suite (tests/emulated/contract) holds both to the emulators. A figure measured here says so. Beside them
stands what histories are judged by: a specification of one order's claims and a linearizability checker.
"""
