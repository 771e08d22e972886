"""The commands, grouped by what the investigator is doing."""
