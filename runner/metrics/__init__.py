"""What a running hamgrd counts and measures, for Prometheus.

``declaration`` says what there is, ``steps`` derives it from the inputs and outputs that pass by, ``carriers`` looks at
what carries them when somebody asks, ``endpoint`` answers. The node knows nothing of it, and nothing here is global:
two daemons in one process have metrics of their own.

Source: issue "pictures"; architecture, "The I/O shell".
"""
