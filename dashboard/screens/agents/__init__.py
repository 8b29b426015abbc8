"""Agents and how they are spread over management servers."""
