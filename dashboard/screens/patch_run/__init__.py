"""The page of a run that live-patches system VMs: each one's five steps, what restarted, how it ended, the record."""
