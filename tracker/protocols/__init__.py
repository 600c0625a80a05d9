"""Device protocols, sans-I/O: bytes in, messages out. One module per protocol."""
