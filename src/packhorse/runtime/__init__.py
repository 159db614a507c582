"""What runs in a worker: claim, run, acknowledge, and the services that keep the queue healthy."""
