"""The questions, by who asks them, as functions of an engine; `Recommender` lists them."""
