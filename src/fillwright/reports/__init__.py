"""Performance figures and reports, from the read models alone.

``build`` asks a store for an account's trades and equity and works out the figures; ``render`` makes one self-contained
HTML page of them, ``summary`` the content of ``summary.json``.
"""
