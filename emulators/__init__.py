"""Run the official emulators and an EVM node on this machine, for tests, the demo and local runs.

`Stack.start(workdir)` (emulators/stack.py) runs them for the life of a process; `python -m emulators up` leaves them
running in the background (emulators/background.py).
"""
