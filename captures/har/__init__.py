"""One recording a second time, as the HAR file that a browser would have saved of it."""
