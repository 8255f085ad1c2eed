"""Charts, drawn by Matplotlib once in words of colours for the page, once as a picture."""
