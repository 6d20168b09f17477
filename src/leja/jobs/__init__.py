"""What is due and who does it: leases, the worker, the schedule."""
