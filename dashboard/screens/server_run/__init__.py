"""The page of a run over management servers: how it stands, each server's way, what can be done, and its record."""
