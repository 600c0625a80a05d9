"""Believable motion of generated vehicles: streets, routes, speeds, stops. Pure and seeded."""
