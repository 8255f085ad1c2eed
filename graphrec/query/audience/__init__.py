"""Audiences: who is like the buyers, who follows a creator, whom a set of creators reaches."""
