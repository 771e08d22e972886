"""One folder or file per vendor: a request in, hits out."""
