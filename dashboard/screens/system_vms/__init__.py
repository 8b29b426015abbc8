"""System VMs and routers: what runs in each as probed, whether there is an update, and the form that patches many."""
