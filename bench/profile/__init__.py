"""Where a core's time goes: a profile of the gateway for each workload."""
