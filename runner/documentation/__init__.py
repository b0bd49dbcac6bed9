"""The pages of the documentation that are made of declarations, and how the site puts them beside the written ones.

Source: issue "pictures".
"""
