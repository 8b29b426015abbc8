"""The lab's system VMs and routers: a folder each as their disk, one process each that runs their services."""
