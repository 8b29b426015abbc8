"""Payloads: the updates that live patches bring into system VMs; who made them, where they come from and are kept."""
