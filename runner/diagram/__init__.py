"""Pictures and tables of the machines: generated from their declarations and from runs of the lab, never drawn by hand.

A declaration is read into a neutral picture (``picture``), which is then rendered: as DOT (``dot``), Mermaid
(``mermaid``) or a table (``tables``). Nothing here knows a particular machine; ``machines`` names those that there are.

Source: architecture "Command lines", statemachine-notes 3.7.
"""
