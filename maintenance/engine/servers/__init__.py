"""Steps on a management server's way: asked of the cloud, and believed only when they are seen."""
