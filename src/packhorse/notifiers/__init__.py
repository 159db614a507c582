"""What wakes a worker: each implements the contract in `packhorse.notifier`."""
