"""The worker: a child process that owns the models (child, engine), and the daemon's side of it (client)."""
