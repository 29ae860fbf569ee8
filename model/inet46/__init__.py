"""inet46: one network service, every super-server, both address families, proved."""
