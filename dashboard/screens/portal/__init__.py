"""What tenants see of their networks and machines, in their words: no ids, no hosts, nothing of anybody else."""
