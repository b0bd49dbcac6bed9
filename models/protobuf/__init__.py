"""The controller's messages: declarations of the wire and the classes generated from them (``make proto``).

Source: tables 3.4.
"""
