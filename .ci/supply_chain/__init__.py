"""Supply chain: what is known of the packages that requirements.lock names."""
