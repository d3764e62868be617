"""What is on this machine and what an application needs of it, before anything is started."""
