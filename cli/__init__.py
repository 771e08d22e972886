"""What the investigator types, reads and publishes."""
