"""Pages: the published tables in a browser, and what people enter there.

What is shown comes from the published file alone, by SQL, and is rendered here; the whole state of
a page is in its address. Nothing here calculates health.
"""
