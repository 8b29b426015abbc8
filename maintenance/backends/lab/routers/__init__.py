"""Replacing routers of the lab: a new one is deployed beside the old one, then the neighbours are told."""
