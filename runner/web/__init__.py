"""A web page that shows a pair of switches, live: read-only, from this machine, in need of nothing from elsewhere.

``look`` reads what the switches publish, ``view`` makes of it what the page shows, ``watcher`` looks again and again,
``server`` answers browsers. ``assets`` is the page, ``pictures`` the machines as ``make diagrams`` draws them.

Source: issue "pictures"; architecture, "Command lines".
"""
