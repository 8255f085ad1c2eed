"""A folder of releases, one of which is current. docs/releases.md says how it is used."""
