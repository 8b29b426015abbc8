"""What runs as a system VM: standard library only, nothing of Django, so that a VM is small and starts at once."""
