"""What an application costs, measured: servers to measure in, the requests, and from samples to an App."""
