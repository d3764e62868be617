"""The kernel of one pool whose requests hold a worker for a given time: event loop, envelope, rates."""
