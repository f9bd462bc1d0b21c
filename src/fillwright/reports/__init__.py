"""Performance figures and reports, from the read models alone.

``data.gather`` asks a store for an account's trades and equity and works out the figures; ``page.render`` makes one
self-contained HTML page of them, ``summary.summary`` the content of ``summary.json``; ``files`` writes both whole.
"""
