"""What devices say in JSON, whatever carried it: by HTTP, or published under an MQTT topic."""
