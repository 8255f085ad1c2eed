"""How much may be asked at once, the same in Python and on the command line."""

MOST_K = 1_000_000
"""Results per query node."""

MOST_RESULTS = 10_000_000
"""Results of all queries of one question together."""

MOST_CELLS = 2**28
"""Places for results of all queries together, as rows and scores: 4 GB."""

MOST_EVENTS = 10_000
"""Recent events of someone unknown."""

MOST_IDS = 1_000_000
"""Ids in one list: queries, users, exclusions."""

MOST_DEPTH = 20
"""Filters within `exclude` of filters, and so on."""

MOST_DAYS = 1_000_000
"""Half-lives."""

MOST_MONEY = 1e15
"""Budgets and costs; larger ones are not exact to the cent any more."""
