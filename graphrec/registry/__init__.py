"""A folder of releases, one of which is current. docs/releases.md explains its use."""
