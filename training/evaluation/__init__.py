"""How good models are: what is asked, how it is measured, and what came out."""
