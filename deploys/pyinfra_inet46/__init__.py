"""inet46 for pyinfra: one look at a host, at most one change, proved on both families or rolled back."""
