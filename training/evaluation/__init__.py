"""How good models are: what is asked, how it is measured, and the results."""
