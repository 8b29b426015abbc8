"""The lab's management servers: their states, their jobs, and what is asked of them.

Nothing ticks: what time brings them is applied at the moment it was due by whoever looks next (passing.py).
"""
