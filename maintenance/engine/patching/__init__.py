"""Steps of a live patch: asked of the cloud by ticket, and believed only when they are probed."""
