"""Screens on walls: the links that open them, the cookie a link becomes, and who is let in by it."""
