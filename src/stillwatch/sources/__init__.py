"""Usage logs and account registries: from landed files to canonical partitions and a ledger."""
