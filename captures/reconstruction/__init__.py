"""The published findings of 2023, rebuilt as traffic that anyone can replay."""
