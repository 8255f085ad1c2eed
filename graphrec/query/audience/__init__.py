"""Audiences: who is like the buyers, who a creator's fans are, whom a set of creators reaches."""
